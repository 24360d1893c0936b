/**
 * What the edges need of a node: sessions that can be created, resumed and written.
 *
 * The TLS package, the stores and the gateways take a `SessionSource`; a node is one, and so is the worker of a host. It
 * names no transport and no process, so that an edge works the same in all of them and can be tested with a `Map`.
 */

/** A session's name: text (used as its UTF-8 bytes) or raw bytes; 1 to 255 bytes, any value, NUL included. */
export type SessionIdInput = string | Uint8Array

/** What an application may keep in a portion: bytes as they are, or plain data that survives JSON. */
export type PortionValue = Uint8Array | JsonValue

/** Plain data that `JSON.stringify` keeps. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined }

/**
 * A portion whose value has a type: how the value becomes bytes, and what of the bytes that others wrote is believed. Made by
 * `definePortion` of `@reprise/node`.
 */
export interface PortionCodec<Value> {
  /** The portion's name in every session that has it. */
  readonly name: string
  /** `set` seals the value unless told otherwise, on a node that has a sealing key. */
  readonly sealed: boolean
  /** @throws when the value is not of the portion's shape: before anything of it is kept or sent. */
  encode(value: Value): Uint8Array
  /** @throws when what the session holds is no value of this portion. */
  decode(stored: PortionValue): Value
}

/**
 * Proof of a write, to be handed to a later `resume` as `minVersion` (read-your-writes). Opaque and URL-safe; some
 * 100 characters, so that it fits a cookie.
 */
export type VersionToken = string & { readonly __brand?: 'VersionToken' }

/** How long a session lives. Both run on each node's own clock; what travels between nodes is the time that remains. */
export interface Lifetime {
  /** Milliseconds without a commit or touch after which the session ends. Default 30 minutes. */
  readonly idleMs?: number
  /** Milliseconds after its creation at which the session ends in any case. Default 24 hours, at most 366 days. */
  readonly absoluteMs?: number
}

export interface CreateOptions extends Lifetime {
  /**
   * The id is known to be new (random, at least 128 bits): do not ask the cluster whether it lives, return at once.
   * Default false: the holders are asked, and a living session is an `AlreadyExistsError`.
   */
  readonly assumeNew?: boolean
  /** How long to ask, in milliseconds. Default 1,000. */
  readonly deadlineMs?: number
  /** Gives up waiting; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface ResumeOptions {
  /**
   * The portions that are needed, by name or typed. Default: all of them. What is not named is not fetched, and not reported
   * missing.
   */
  readonly portions?: readonly (string | PortionCodec<unknown>)[]
  /** The outcome must include this write. */
  readonly minVersion?: VersionToken
  /**
   * `'latest'` (default) asks all ready holders and the last writer and merges what they say: for sessions that change.
   * `'any'` takes the first complete copy, the local one without asking: for what is written once, such as TLS sessions.
   */
  readonly consistency?: 'latest' | 'any'
  /**
   * With `'any'`: how long ago a copy that this node does not hold for the cluster may have been known to be current, in milliseconds.
   * Default 60,000; 0 for what changes. With a number, a drop that it knows of and does not hold is asked about, too: its id may
   * have been taken anew.
   */
  readonly maxAgeMs?: number
  /** How long to look, in milliseconds. Default 1,000. After it the outcome is what is known, or `unknown`. */
  readonly deadlineMs?: number
  /** Gives up waiting; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface CommitOptions {
  /**
   * Wait until that many ready holders besides this node have the write in memory, large values included. Default 0:
   * resolve when the write is queued to the holders; of large values one holder must have them, if one can be reached.
   */
  readonly copies?: number
  /**
   * How long to wait for copies, in milliseconds. Default 2,000, and 1,000 for each MiB that is written. When it passes while
   * large values are on their way, nothing is written.
   */
  readonly deadlineMs?: number
  /**
   * From this write on the session lives this long without use, in milliseconds; of an earlier one and this the later write
   * counts, at all members. Default: as before. The absolute lifetime stays as it was at birth.
   */
  readonly idleMs?: number
  /** Gives up waiting; the commit then rejects with a `CopiesError` of code `TIMEOUT`: the write may survive. */
  readonly signal?: AbortSignal
}

export interface SetOptions {
  /**
   * Encrypt the value between nodes, bound to this session, portion and version, or a number of its own when it is large
   * (AES-256-GCM). Needs a sealing key, which a node with a cluster secret has. Default false; for a typed portion as it says, where there is a key.
   */
  readonly seal?: boolean
}

/** One client's session, as one node sees it. Changes are local until `commit`. */
export interface Session {
  /** The id's bytes. The caller must not change them. */
  readonly id: Uint8Array
  /** Names of the portions that have a value here, in no particular order. */
  readonly portions: readonly string[]
  /** Proof of the last write that this view includes; undefined before the first commit. */
  readonly version: VersionToken | undefined
  /** The member that wrote last, by its id; this node's own id before the first commit. */
  readonly lastWriter: string
  /** Milliseconds until the session ends unless it is used. */
  readonly remainingMs: number

  /**
   * The value of a portion: bytes if bytes were set (valid until the next call on this session; copy them to keep
   * them), else plain data. Undefined when it was never set, was deleted, or is missing. Sees uncommitted changes.
   * @throws SealError when a sealed value cannot be opened.
   */
  get(name: string): PortionValue | undefined

  /**
   * The value of a typed portion, decoded and checked anew at each call: the caller's to keep.
   * @throws what the portion's `decode` throws when another program wrote something else; SealError.
   */
  get<Value>(portion: PortionCodec<Value>): Value | undefined

  /**
   * Change a portion. The value is encoded at once: later changes to the object do not count. Publish with `commit`. Up to
   * 16 MiB as it is stored, a byte more than it has (sealed: 33); large ones are spread over many holders.
   */
  set(name: string, value: PortionValue, options?: SetOptions): void

  /** Change a typed portion. @throws what its `encode` throws when the value is not of its shape. */
  set<Value>(portion: PortionCodec<Value>, value: NoInfer<Value>, options?: SetOptions): void

  /** Remove a portion. Publish with `commit`. */
  delete(portion: string | PortionCodec<unknown>): void

  /**
   * Publish all changes as one version, and use the session (its idle time starts anew). Without changes it is a touch.
   * @throws DroppedError, ExpiredError, LimitError, CopiesError, StoppedError
   */
  commit(options?: CommitOptions): Promise<VersionToken>

  /** Start the idle time anew, changing nothing else. Cheap: touches that follow each other closely are one. */
  touch(): void

  /**
   * End the session for ever: no write that is under way anywhere brings it back. With `copies`, resolves when that many
   * holders know.
   */
  drop(options?: CommitOptions): Promise<void>
}

/** Where the values of a resumed session came from. */
export interface ResumeOrigin {
  /** `'local'`: this node had it; `'peers'`: it was pulled. */
  readonly kind: 'local' | 'peers'
  /** The members whose answers were used, by id. Empty when local. */
  readonly peers: readonly string[]
  /** The members that were asked and did not answer in time. */
  readonly silent: readonly string[]
}

/** A session that was found. `partial` has every portion but those in `missing`; never a mix of two versions. */
export interface ResumedSession extends Session {
  readonly outcome: 'complete' | 'partial'
  readonly missing: readonly string[]
  readonly origin: ResumeOrigin
}

/** There is no such session: it was dropped, it expired, or every ready holder says it never heard of it. */
export interface AbsentSession {
  readonly outcome: 'absent'
  readonly reason: 'dropped' | 'expired' | 'not-found'
  readonly origin: ResumeOrigin
}

/** Nobody could say. Do not log a user out over this: ask again, or treat it as a cache that is not warm yet. */
export interface UnknownSession {
  readonly outcome: 'unknown'
  readonly origin: ResumeOrigin
}

/** What `resume` found. Narrow it on `outcome`. */
export type Resumed = ResumedSession | AbsentSession | UnknownSession

/** Sessions by id: what a node is to the edges. */
export interface SessionSource {
  /** This member's id in the cluster. */
  readonly nodeId: string

  /**
   * Make a new session, of which this node is the primary. Nothing is published until its first commit.
   * @throws AlreadyExistsError when one with that id lives; UnavailableError when that could not be found out in time;
   * UsageError, LimitError, StoppedError.
   */
  create(id: SessionIdInput, options?: CreateOptions): Promise<Session>

  /**
   * Continue a session here. Resolves within the deadline, never rejects because of a lost peer.
   * @throws UsageError, StoppedError, or the signal's reason.
   */
  resume(id: SessionIdInput, options?: ResumeOptions): Promise<Resumed>

  /** Ids of the members that are alive as far as this node knows, itself included, sorted. */
  aliveMembers(): readonly string[]
}
