/**
 * The places where members may be found: what a join list may say, and the addresses it means at the moment.
 *
 * Names are resolved again for each attempt, to all their A and AAAA records, since a name may stand for the whole cluster
 * and mean other machines tomorrow.
 */
import { lookup as dnsLookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { UsageError } from '@reprise/core'
import { DNS_TIMEOUT_MS, DNS_TRIES, JOIN_PORT_DEFAULT } from './constants.ts'

/** One place of a join list. */
export interface JoinPlace {
  /** As it was given; for logs and stats. */
  readonly text: string
  /** Only this peer may be there, when the place names one. */
  readonly nodeId: string | undefined
  /** The TCP addresses it means now, with `/p2p/…` when it names a peer. Empty when the name does not resolve. */
  resolve(): Promise<readonly string[]>
}

/** All addresses of a name. Rejects when there are none. */
export type Lookup = (name: string, family: 0 | 4 | 6) => Promise<readonly string[]>

/** The operating system's resolver, `/etc/hosts` included. */
const systemLookup: Lookup = async (name, family) =>
  (await dnsLookup(name, { all: true, family, order: 'verbatim' })).map(({ address }) => address)

/**
 * Read one entry of a join list: a multiaddr (`/ip4/10.0.0.1/tcp/4747`, `/dns/cache.local/tcp/4747/p2p/12D3…`),
 * `host:port`, `[v6]:port` or `host` with the default port, or a DNS service (`dns+srv://_reprise._tcp.cache.internal`, RFC
 * 2782), which also says the ports. `?server=127.0.0.1:8600` after a service asks that DNS server instead of the system's.
 * @throws UsageError when it is none of them.
 */
export const parseJoinPlace = (text: string, lookup: Lookup = systemLookup): JoinPlace => {
  if (text.startsWith(SERVICE_SCHEME)) return servicePlace(text)
  return text.startsWith('/') ? multiaddrPlace(text, lookup) : namedPlace(text, lookup)
}

const SERVICE_SCHEME = 'dns+srv://'

/** Every target of the service, whatever its priority and weight: a member wants to know all of them. */
const servicePlace = (text: string): JoinPlace => {
  const [, name = '', server] = /^dns\+srv:\/\/([\w.-]+)(?:\?server=(.+))?$/.exec(text) ?? []
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES })
  try {
    if (name === '') throw new Error('no name')
    if (server !== undefined) resolver.setServers([server])
  } catch (cause) {
    throw new UsageError(`${text} cannot be joined: give dns+srv://NAME, or dns+srv://NAME?server=IP:PORT`, { cause })
  }
  return {
    text,
    nodeId: undefined,
    resolve: async () => {
      const targets = await orNone(resolver.resolveSrv(name))
      const found = targets.map(async ({ name: host, port }) => {
        const ips = isIP(host) === 0 ? await hostAddresses(resolver, host) : [host]
        return ips.map((ip) => `/ip${isIP(ip)}/${ip}/tcp/${port}`)
      })
      return [...new Set((await Promise.all(found)).flat())]
    },
  }
}

const hostAddresses = async (resolver: Resolver, host: string): Promise<string[]> => {
  const families = await Promise.all([orNone(resolver.resolve4(host)), orNone(resolver.resolve6(host))])
  return families.flat()
}

/** What cannot be resolved now may be later: it is asked for again with the next attempt to join. */
const orNone = async <Found>(found: Promise<Found[]>): Promise<Found[]> => {
  try {
    return await found
  } catch {
    return []
  }
}

const multiaddrPlace = (text: string, lookup: Lookup): JoinPlace => {
  const components = parseMultiaddr(text).getComponents()
  const [host, tcp, p2p] = components
  const family = host === undefined ? undefined : FAMILY_OF.get(host.name)
  const port = tcp?.name === 'tcp' ? Number(tcp.value) : undefined
  const isOther = components.length > 3 || (p2p !== undefined && p2p.name !== 'p2p')
  if (host?.value === undefined || family === undefined || port === undefined || isOther) {
    throw new UsageError(`${text} cannot be joined: only /ip4, /ip6 and /dns addresses over /tcp are dialled`)
  }
  return place(text, host.value, family, port, p2p?.value, lookup)
}

const FAMILY_OF: ReadonlyMap<string, 0 | 4 | 6> = new Map([
  ['ip4', 4],
  ['ip6', 6],
  ['dns', 0],
  ['dns4', 4],
  ['dns6', 6],
])

const namedPlace = (text: string, lookup: Lookup): JoinPlace => {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text)
  const plain = /^([^:/\s]+)(?::(\d+))?$/.exec(text)
  const [host, port] = (bracketed ?? plain)?.slice(1) ?? (isIP(text) === 6 ? [text] : [])
  const portNumber = port === undefined ? JOIN_PORT_DEFAULT : Number(port)
  if (host === undefined || portNumber < 1 || portNumber > 65_535) {
    throw new UsageError(`${JSON.stringify(text)} cannot be joined: give a multiaddr, host:port, or host`)
  }
  return place(text, host, 0, portNumber, undefined, lookup)
}

const place = (
  text: string,
  host: string,
  family: 0 | 4 | 6,
  port: number,
  nodeId: string | undefined,
  lookup: Lookup,
): JoinPlace => {
  const suffix = nodeId === undefined ? '' : `/p2p/${nodeId}`
  const address = (ip: string): string => `/ip${isIP(ip)}/${ip}/tcp/${port}${suffix}`
  return {
    text,
    nodeId,
    resolve: async () => {
      if (isIP(host) !== 0) return [address(host)]
      const found = await orNone(lookup(host, family).then((ips) => [...ips]))
      return [...new Set(found)].map(address)
    },
  }
}

/** @throws UsageError when the text is not a multiaddr. */
export const parseMultiaddr = (text: string): Multiaddr => {
  try {
    return multiaddr(text)
  } catch (cause) {
    throw new UsageError(`${JSON.stringify(text)} is not a multiaddr, such as /ip4/127.0.0.1/tcp/4747`, { cause })
  }
}
