/**
 * What a node is told when it is made, checked once and completed with defaults.
 */
import { Buffer } from 'node:buffer'
import {
  ABSOLUTE_MS_DEFAULT,
  ABSOLUTE_MS_MAX,
  CACHE_BYTES_DEFAULT,
  CACHE_BYTES_MIN,
  COPIES_DEFAULT,
  IDLE_MS_DEFAULT,
  SHARD_COUNT,
  UsageError,
} from '@reprise/core'
import type { Logger } from '@reprise/p2p'
import { DRAIN_MS_DEFAULT, READY_MS_DEFAULT, REPOSITORY_BYTES_MIN, SECRET_BYTES_MIN } from './constants.ts'

/** Everything has a default; `createNode()` alone makes a cluster of one on loopback. */
export interface NodeOptions {
  /** The node's name for people. Default: the end of its id. */
  readonly name?: string
  /** A directory that keeps identity and incarnation, made if missing. Default: none, the node is a new member each time. */
  readonly dataDir?: string
  /** Multiaddrs to listen on. Default `['/ip4/127.0.0.1/tcp/0']`: loopback, a port of the system's choice. */
  readonly listen?: readonly string[]
  /** Multiaddrs that others are told, when they differ from the ones listened on (NAT, containers). */
  readonly announce?: readonly string[]
  /**
   * Where to find members: multiaddrs, `host:port`, DNS names, of which every address is tried, or DNS services
   * (`dns+srv://_reprise._tcp.cache.internal`), which say the ports as well. Default: none.
   */
  readonly join?: readonly string[]
  /** The cluster secret, at least 16 bytes; who does not know it cannot connect. Default: none, anybody who reaches it can. */
  readonly secret?: string | Uint8Array
  /** Ids of the nodes that may be members. Default: whoever knows the secret. */
  readonly allow?: readonly string[]
  /** Keys that seal values, 32 bytes each: the first seals, all open. Default: one derived from `secret`, if there is one. */
  readonly sealKeys?: readonly Uint8Array[]
  /** The cluster's name: members of clusters with different names do not see each other. Default `reprise`. */
  readonly cluster?: string
  /** Where the node is (rack, data centre): copies are spread over zones first. Default `''`. */
  readonly zone?: string
  /**
   * `member` (default), or `repository`: it keeps all shards, or those listed, besides their holders, and is none of the copies that a
   * commit waits for. It serves sessions like any node.
   */
  readonly role?: 'member' | 'repository'
  /** With `role: 'repository'`. Give such a node a `cache.bytesMax` for all that it shall keep. */
  readonly repository?: {
    /** The shards it keeps, 0 to 63. Default `'all'`. */
    readonly shards?: readonly number[] | 'all'
    /**
     * A directory in which it keeps them through restarts, made if missing. Needs `dataDir`, and the package `lmdb`. Default:
     * none, they are kept in memory.
     */
    readonly directory?: string
    /** Bytes that they may take there. Default: what the disk has. */
    readonly bytesMax?: number
  }
  /** Share of the shards relative to other members, 0 to 100; 0 holds none. Default 1; a repository has none. */
  readonly weight?: number
  /** Holders of each session besides its primary, or `'all'`. The same on all members. Default 2. */
  readonly copies?: number | 'all'
  readonly cache?: {
    /** Bytes of memory for sessions, least recently used out first. At least 1 MiB. Default 64 MiB. */
    readonly bytesMax?: number
  }
  /** Default lifetimes of sessions made here, in milliseconds. Default 30 minutes idle, 24 hours in all. */
  readonly lifetime?: { readonly idleMs?: number; readonly absoluteMs?: number }
  /** How long `createNode` waits for the node to be ready, in milliseconds. 0: not at all. Default 10,000. */
  readonly readyMs?: number
  /**
   * How long `stop` hands over what this node holds to the others, in milliseconds; it takes as long only when a successor
   * is slow or out of reach. 0: not at all, as after a crash. Default 10,000.
   */
  readonly drainMs?: number
  /** Encryption between members. Default `tls`. The same on all members. */
  readonly encryption?: 'tls' | 'noise'
  /**
   * How this node's writes reach the holders. `gossip` (default): by gossipsub, a topic per shard. `direct`: over one stream
   * to each holder, which confirms a little sooner. Members need not agree.
   */
  readonly carrier?: 'gossip' | 'direct'
  /** Default: silent. Ids of sessions and values are never logged. */
  readonly logger?: Logger
}

export interface ResolvedOptions {
  readonly name: string | undefined
  readonly dataDir: string | undefined
  readonly listen: readonly string[] | undefined
  readonly announce: readonly string[] | undefined
  readonly join: readonly string[]
  readonly secret: Uint8Array | undefined
  readonly allow: readonly string[] | undefined
  readonly sealKeys: readonly Uint8Array[] | undefined
  readonly cluster: string
  readonly zone: string
  readonly weight: number
  readonly repository: ResolvedRepository | undefined
  /** Infinity for `'all'`. */
  readonly copies: number
  readonly cacheBytesMax: number
  readonly idleMs: number
  readonly absoluteMs: number
  readonly readyMs: number
  readonly drainMs: number
  readonly encryption: 'tls' | 'noise'
  readonly carrier: 'gossip' | 'direct'
  readonly logger: Logger | undefined
}

export interface ResolvedRepository {
  readonly shards: readonly number[]
  readonly directory: string | undefined
  readonly bytesMax: number
}

/** @throws UsageError for an option that can never work, and for one that does not exist. */
export function resolveOptions(options: NodeOptions): ResolvedOptions {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw new UsageError(`unknown option ${name}${nearest(name)}`)
  }
  const secret = typeof options.secret === 'string' ? Buffer.from(options.secret, 'utf8') : options.secret
  if (secret !== undefined && secret.length < SECRET_BYTES_MIN) {
    throw new UsageError(`secret has ${secret.length} bytes; use at least ${SECRET_BYTES_MIN} random ones`)
  }
  const idleMs = options.lifetime?.idleMs ?? IDLE_MS_DEFAULT
  const absoluteMs = options.lifetime?.absoluteMs ?? ABSOLUTE_MS_DEFAULT
  assertLifetime(idleMs, absoluteMs)
  return {
    name: text('name', options.name, 1, 64),
    dataDir: options.dataDir,
    listen: options.listen,
    announce: options.announce,
    join: options.join ?? [],
    secret,
    allow: options.allow,
    sealKeys: options.sealKeys,
    cluster: options.cluster ?? 'reprise',
    zone: text('zone', options.zone, 0, 64) ?? '',
    weight: number('weight', options.weight ?? 1, 0, 100),
    repository: resolveRepository(options),
    copies:
      options.copies === 'all' ? Number.POSITIVE_INFINITY : integer('copies', options.copies ?? COPIES_DEFAULT, 0, 64),
    cacheBytesMax: integer('cache.bytesMax', options.cache?.bytesMax ?? CACHE_BYTES_DEFAULT, CACHE_BYTES_MIN, 2 ** 40),
    idleMs,
    absoluteMs,
    readyMs: number('readyMs', options.readyMs ?? READY_MS_DEFAULT, 0, 2 ** 31 - 1),
    drainMs: number('drainMs', options.drainMs ?? DRAIN_MS_DEFAULT, 0, 2 ** 31 - 1),
    encryption: options.encryption ?? 'tls',
    carrier: oneOf('carrier', options.carrier ?? 'gossip', CARRIERS),
    logger: options.logger,
  }
}

function resolveRepository(options: NodeOptions): ResolvedRepository | undefined {
  const { role = 'member', repository = {}, weight, dataDir } = options
  if (oneOf('role', role, ROLES) === 'member') {
    if (options.repository !== undefined) throw new UsageError("repository needs role 'repository'")
    return undefined
  }
  if (weight !== undefined && weight !== 0) throw new UsageError('a repository has no weight: leave it out')
  const { shards = 'all', directory, bytesMax = Number.MAX_SAFE_INTEGER } = repository
  if (directory !== undefined && dataDir === undefined) {
    throw new UsageError('repository.directory needs dataDir: what is kept belongs to a node that comes back')
  }
  const all = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)
  const listed = shards === 'all' ? all : shards.map((n) => integer('repository.shards', n, 0, SHARD_COUNT - 1))
  if (listed.length === 0) throw new UsageError('repository.shards lists none')
  return {
    shards: [...new Set(listed)],
    directory,
    bytesMax: integer('repository.bytesMax', bytesMax, REPOSITORY_BYTES_MIN, Number.MAX_SAFE_INTEGER),
  }
}

/** @throws UsageError when a lifetime is not a whole positive number of milliseconds within the limit. */
export function assertLifetime(idleMs: number, absoluteMs: number): void {
  integer('idleMs', idleMs, 1, ABSOLUTE_MS_MAX)
  integer('absoluteMs', absoluteMs, 1, ABSOLUTE_MS_MAX)
}

export function integer(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageError(`${name} must be a whole number from ${min} to ${max}, not ${value}`)
}

export function number(name: string, value: number, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new UsageError(`${name} must be a number from ${min} to ${max}, not ${value}`)
}

function text(name: string, value: string | undefined, min: number, max: number): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value.isWellFormed() && value.length >= min && value.length <= max) return value
  throw new UsageError(`${name} must be text of ${min} to ${max} characters`)
}

function oneOf<T extends string>(name: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value
  throw new UsageError(`${name} must be one of ${known.join(', ')}, not ${JSON.stringify(value)}`)
}

function nearest(name: string): string {
  const like = [...KNOWN].find(
    (known) => known.toLowerCase() === name.toLowerCase() || known.startsWith(name.slice(0, 4)),
  )
  return like === undefined ? `; known are ${[...KNOWN].join(', ')}` : `; did you mean ${like}?`
}

const CARRIERS = ['gossip', 'direct'] as const
const ROLES = ['member', 'repository'] as const

const KNOWN: ReadonlySet<string> = new Set<keyof NodeOptions>([
  'name',
  'dataDir',
  'listen',
  'announce',
  'join',
  'secret',
  'allow',
  'sealKeys',
  'cluster',
  'zone',
  'role',
  'repository',
  'weight',
  'copies',
  'cache',
  'lifetime',
  'readyMs',
  'drainMs',
  'encryption',
  'carrier',
  'logger',
])
