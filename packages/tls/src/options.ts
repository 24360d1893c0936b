/** What `resumeAcrossCluster` can be told, and what it makes of it. */

import { BlockList, isIP } from 'node:net'
import { UsageError } from '@reprise/core'
import {
  CLIENT_HELLO_DEADLINE_MS,
  CONFIRM_DEADLINE_MS,
  LIFETIME_MS_MAX,
  LOOKUP_DEADLINE_MS,
  RENEWAL_LIFETIME_MS,
  SESSION_LIFETIME_MS,
  TICKET_POLL_MS,
  TICKET_ROTATE_MS,
} from './constants.ts'

export interface ResumptionOptions {
  /**
   * The name of the service, equal on all its servers: text of 1 to 255 bytes. A session made under one context is a
   * full handshake under every other one, so give two services of one cluster two names, and change the name when old
   * sessions must not count any more. (Node's own default depends on the command line of the process.)
   */
  readonly context: string
  /**
   * `'stateful'` (default): the cluster holds the sessions. `'tickets'`: the clients hold them, and the cluster the key
   * that they are sealed with. The package's README says which to take when.
   */
  readonly mode?: 'stateful' | 'tickets'
  /** How long a session can be resumed, in milliseconds since its handshake. Default 5 minutes, at most 7 days. */
  readonly lifetimeMs?: number
  /**
   * How long TLS 1.3 may renew a session by resuming it, in milliseconds since the last full handshake, in which the
   * client proved itself with its certificate. Default 24 hours, at least `lifetimeMs`. Stateful mode only.
   */
  readonly renewalMs?: number
  /** How long a handshake waits for the cluster, in milliseconds; then it is a full one. Default 50. */
  readonly lookupDeadlineMs?: number
  /**
   * Whether the handshake waits until its session is elsewhere. `'queued'` (default): no. `'copies'`: until another
   * holder has it in memory, or `confirmDeadlineMs` passed; a client that is sent elsewhere at once then resumes there.
   */
  readonly confirm?: 'queued' | 'copies'
  /** The longest that `confirm: 'copies'` holds a handshake back, in milliseconds. Default 20. */
  readonly confirmDeadlineMs?: number
  /**
   * Encrypt sessions and ticket keys between nodes. Default true: what is stored is a key to the client's connection.
   * Needs a cluster secret; false is for tests.
   */
  readonly seal?: boolean
  /**
   * Anything that changes when the authorities change that client certificates are accepted from: their certificates,
   * or a version. Only for servers with `requestCert`, and needed only where it cannot be seen in the server's own `ca`
   * option: with `pfx`, `SNICallback` or `addContext`.
   */
  readonly clientCa?: string | Uint8Array | readonly (string | Uint8Array)[]
  /**
   * `'require'`: every connection must come from `proxyFrom` and begin with a PROXY protocol header, version 1 or 2;
   * all others are destroyed. The sockets then show the client's own `remoteAddress`, `remotePort` and `remoteFamily`.
   * `'off'` (default): none is expected.
   */
  readonly proxyProtocol?: 'off' | 'require'
  /**
   * Who may send PROXY headers: addresses, subnets (`'10.0.0.0/8'`), `'unix'` for unix sockets; or a `net.BlockList`.
   */
  readonly proxyFrom?: readonly string[] | BlockList
  /**
   * How long a ClientHello may take to arrive, in milliseconds. A slower one is left to the server, as a full handshake
   * under its own `handshakeTimeout`; a PROXY header that is not there by then ends the connection. Default 10,000.
   */
  readonly helloDeadlineMs?: number
  /** Ticket mode: how often the key is replaced, in milliseconds. Default 12 hours. */
  readonly rotateMs?: number
  /** Ticket mode: how often this member looks for a new key, in milliseconds. Default 2,000. */
  readonly pollMs?: number
}

/** Options with their defaults, checked. */
export interface Settings {
  readonly context: string
  readonly mode: 'stateful' | 'tickets'
  readonly lifetimeMs: number
  readonly renewalMs: number
  readonly lookupDeadlineMs: number
  readonly confirm: 'queued' | 'copies'
  readonly confirmDeadlineMs: number
  readonly seal: boolean
  readonly clientCa: readonly (string | Uint8Array)[] | undefined
  /** Undefined when the PROXY protocol is off. */
  readonly proxyFrom: ProxySources | undefined
  readonly helloDeadlineMs: number
  readonly rotateMs: number
  readonly pollMs: number
}

/** Who may speak for clients. */
export interface ProxySources {
  readonly addresses: BlockList
  readonly unix: boolean
}

/**
 * Check the options and fill in the defaults.
 *
 * @throws UsageError that names the option.
 */
export function settingsOf(options: ResumptionOptions): Settings {
  const { context, mode = 'stateful', confirm = 'queued', seal = true, proxyProtocol = 'off', proxyFrom } = options
  const contextBytes = typeof context === 'string' ? Buffer.byteLength(context) : 0
  if (contextBytes < 1 || contextBytes > 255) throw new UsageError('context: expected 1 to 255 bytes of text')
  oneOf('mode', mode, ['stateful', 'tickets'])
  oneOf('confirm', confirm, ['queued', 'copies'])
  oneOf('proxyProtocol', proxyProtocol, ['off', 'require'])
  const lifetimeMs = milliseconds('lifetimeMs', options.lifetimeMs, SESSION_LIFETIME_MS, 1_000, LIFETIME_MS_MAX)
  const renewalDefaultMs = Math.max(lifetimeMs, RENEWAL_LIFETIME_MS)
  return {
    context,
    mode,
    lifetimeMs,
    renewalMs: milliseconds('renewalMs', options.renewalMs, renewalDefaultMs, lifetimeMs, 366 * 24 * 3_600_000),
    lookupDeadlineMs: milliseconds('lookupDeadlineMs', options.lookupDeadlineMs, LOOKUP_DEADLINE_MS, 1, 10_000),
    confirm,
    confirmDeadlineMs: milliseconds('confirmDeadlineMs', options.confirmDeadlineMs, CONFIRM_DEADLINE_MS, 1, 10_000),
    seal,
    clientCa: options.clientCa === undefined ? undefined : listOf(options.clientCa),
    proxyFrom: proxyProtocol === 'require' ? proxySources(proxyFrom) : undefined,
    helloDeadlineMs: milliseconds('helloDeadlineMs', options.helloDeadlineMs, CLIENT_HELLO_DEADLINE_MS, 1, 600_000),
    rotateMs: milliseconds('rotateMs', options.rotateMs, TICKET_ROTATE_MS, 1_000, LIFETIME_MS_MAX),
    pollMs: milliseconds('pollMs', options.pollMs, TICKET_POLL_MS, 10, 600_000),
  }
}

function oneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new UsageError(`${name}: expected ${allowed.join(' or ')}, got ${value}`)
}

function milliseconds(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  const ms = value ?? byDefault
  if (!(ms >= min && ms <= max)) throw new UsageError(`${name}: expected ${min} to ${max} milliseconds, got ${ms}`)
  return ms
}

function listOf(value: string | Uint8Array | readonly (string | Uint8Array)[]): readonly (string | Uint8Array)[] {
  return typeof value === 'string' || value instanceof Uint8Array ? [value] : value
}

function proxySources(from: readonly string[] | BlockList | undefined): ProxySources {
  if (from instanceof BlockList) return { addresses: from, unix: false }
  if (from === undefined || from.length === 0) {
    throw new UsageError(
      "proxyFrom: say who may send PROXY headers, such as ['10.0.0.0/8']; whoever may, can pose as any client",
    )
  }
  const addresses = new BlockList()
  for (const source of from) if (source !== 'unix') addSource(addresses, source)
  return { addresses, unix: from.includes('unix') }
}

function addSource(addresses: BlockList, source: string): void {
  const [address = '', prefix, ...rest] = source.split('/')
  const version = isIP(address)
  const bits = prefix === undefined ? undefined : Number(prefix)
  const valid = bits === undefined || (/^\d{1,3}$/.test(prefix ?? '') && bits <= (version === 4 ? 32 : 128))
  if (version === 0 || !valid || rest.length > 0) {
    throw new UsageError(`proxyFrom: expected an address, a subnet such as 10.0.0.0/8, or unix; got ${source}`)
  }
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (bits === undefined) addresses.addAddress(address, family)
  else addresses.addSubnet(address, bits, family)
}

/** Whether a connection from there may speak for a client. */
export function mayProxy(sources: ProxySources, remoteAddress: string | undefined): boolean {
  if (remoteAddress === undefined) return sources.unix
  return sources.addresses.check(remoteAddress, isIP(remoteAddress) === 6 ? 'ipv6' : 'ipv4')
}
