/** What a store is told when it is made, checked once and completed with defaults. */
import { Buffer } from 'node:buffer'
import {
  ABSOLUTE_TTL_SECONDS_DEFAULT,
  ABSOLUTE_TTL_SECONDS_MAX,
  CONFIRM_DEADLINE_MS_DEFAULT,
  DEADLINE_MS_DEFAULT,
  DEADLINE_MS_MAX,
  PREFIX_BYTES_MAX,
  PREFIX_DEFAULT,
  TTL_SECONDS_DEFAULT,
} from './constants.ts'
import type { StoreNode } from './documents.ts'
import { StoreOptionError } from './errors.ts'

/** `Data` is the session as the application knows it. */
export interface StoreOptions<Data> {
  /** The node that the application made with `createNode`, or its libp2p service `sessionCache`. The store does not stop it. */
  readonly node: StoreNode
  /** What the ids of this application's sessions begin with in the cluster, at most 64 bytes. Default `sess:`. */
  readonly prefix?: string
  /**
   * Seconds without use after which a session ends whose cookie has neither `maxAge` nor `expires`. A function decides for
   * all sessions, whatever their cookies say. Default 86,400.
   */
  readonly ttl?: number | ((session: Data) => number)
  /**
   * Seconds after which a session ends however much it is used; at least its time without use. Default seven days, at most
   * 183. A logout is remembered as long, in some 260 bytes of memory.
   */
  readonly absoluteTtl?: number
  /** Reading a session does not prolong it. Default false. */
  readonly disableTouch?: boolean
  /**
   * Seconds during which further touches of a session are skipped. Default 0: the node already makes one of all touches
   * within a tenth of the idle time, at most a minute.
   */
  readonly touchAfter?: number
  /**
   * How many other servers shall have a write, or a logout, before it is reported done; `'queued'`: none, it is on its way.
   * Default 1, so that it survives this process.
   */
  readonly confirm?: 'queued' | number
  /** How long that is waited for, in milliseconds. Default 250. */
  readonly confirmDeadlineMs?: number
  /**
   * What happens when the copies are not confirmed in time. `'accept'` (default): the write is queued, go on. `'error'`: the
   * call fails, although the write may survive.
   */
  readonly onUnconfirmed?: 'accept' | 'error'
  /**
   * What `get` says when nobody can say whether a session lives. `'error'` (default): a `StoreUnavailableError`, which express
   * and fastify answer with 503. `'anonymous'`: that there is none; the client then gets a new one and seems logged out.
   */
  readonly onUnavailable?: 'error' | 'anonymous'
  /** How long a session is looked for, in milliseconds. Default 1,000. */
  readonly deadlineMs?: number
  /** Encrypt sessions between nodes and in their memory. Needs a node with a secret or sealing keys. Default false. */
  readonly seal?: boolean
  /** By what a session can be found with `listByTag`, such as its user's id. Default: nothing. */
  readonly tag?: (session: Data) => string | readonly string[] | undefined
  /** Keep the list that `all`, `ids`, `length` and `clear` read. Default true; it costs a write for each new session. */
  readonly listed?: boolean
}

export interface ResolvedOptions<Data> {
  readonly node: StoreNode
  readonly prefix: string
  readonly ttl: number | ((session: Data) => number)
  readonly absoluteMs: number
  readonly disableTouch: boolean
  readonly touchAfterMs: number
  readonly copies: number
  readonly confirmDeadlineMs: number
  readonly isStrict: boolean
  readonly isAnonymousAllowed: boolean
  readonly deadlineMs: number
  readonly seal: boolean
  readonly tagsOf: (session: Data) => readonly string[]
  readonly isListed: boolean
}

/** @throws StoreOptionError */
export function resolveOptions<Data>(options: StoreOptions<Data>): ResolvedOptions<Data> {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw new StoreOptionError(`unknown option ${name}; known are ${[...KNOWN].join(', ')}`)
  }
  const { node, prefix = PREFIX_DEFAULT, ttl = TTL_SECONDS_DEFAULT, confirm = 1, tag } = options
  if (typeof node?.resume !== 'function') throw new StoreOptionError('node is what createNode of @reprise/node made')
  if (typeof prefix !== 'string' || !prefix.isWellFormed() || Buffer.byteLength(prefix) > PREFIX_BYTES_MAX) {
    throw new StoreOptionError(`prefix is text of at most ${PREFIX_BYTES_MAX} bytes`)
  }
  if (typeof ttl !== 'function') number('ttl', ttl, 0.001, ABSOLUTE_TTL_SECONDS_MAX)
  return {
    node,
    prefix,
    ttl,
    absoluteMs: Math.ceil(
      number('absoluteTtl', options.absoluteTtl ?? ABSOLUTE_TTL_SECONDS_DEFAULT, 0.001, ABSOLUTE_TTL_SECONDS_MAX) *
        1_000,
    ),
    disableTouch: options.disableTouch ?? false,
    touchAfterMs: number('touchAfter', options.touchAfter ?? 0, 0, ABSOLUTE_TTL_SECONDS_MAX) * 1_000,
    copies: confirm === 'queued' ? 0 : number('confirm', confirm, 0, 64),
    confirmDeadlineMs: number(
      'confirmDeadlineMs',
      options.confirmDeadlineMs ?? CONFIRM_DEADLINE_MS_DEFAULT,
      0,
      DEADLINE_MS_MAX,
    ),
    isStrict: oneOf('onUnconfirmed', options.onUnconfirmed ?? 'accept', ['accept', 'error']) === 'error',
    isAnonymousAllowed:
      oneOf('onUnavailable', options.onUnavailable ?? 'error', ['error', 'anonymous']) === 'anonymous',
    deadlineMs: number('deadlineMs', options.deadlineMs ?? DEADLINE_MS_DEFAULT, 0, DEADLINE_MS_MAX),
    seal: options.seal ?? false,
    tagsOf: (session) => listOf(tag?.(session)),
    isListed: options.listed ?? true,
  }
}

function listOf(tags: string | readonly string[] | undefined): readonly string[] {
  if (tags === undefined) return []
  return typeof tags === 'string' ? [tags] : [...new Set(tags)]
}

function number(name: string, value: number, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new StoreOptionError(`${name} must be a number from ${min} to ${max}, not ${String(value)}`)
}

function oneOf<T extends string>(name: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value
  throw new StoreOptionError(`${name} must be one of ${known.join(', ')}, not ${String(value)}`)
}

const KNOWN: ReadonlySet<string> = new Set<keyof StoreOptions<unknown>>([
  'node',
  'prefix',
  'ttl',
  'absoluteTtl',
  'disableTouch',
  'touchAfter',
  'confirm',
  'confirmDeadlineMs',
  'onUnconfirmed',
  'onUnavailable',
  'deadlineMs',
  'seal',
  'tag',
  'listed',
])
