/**
 * The cluster as a store of keys and values: what every gateway speaks to, and no gateway is.
 *
 * A key is a session of the cluster, so a value that came in through one protocol is found through all of them, at every
 * node. What is atomic is so on one node: operations on a key follow each other there. Two nodes that write a key at the
 * same moment both succeed, and the later write stays.
 *
 * Nothing here fails for a lost peer. Reading finds a value or does not: a miss is "not found by the reading deadline", and
 * says no more. What throws is a `GatewayError`, which each protocol has words for.
 */

/** An answer that is here already, as most are, or comes. Awaiting it is always right; not having to is faster. */
export type Answer<T> = T | Promise<T>

/** What a key has. The bytes are the reader's to keep, and not to change. */
export interface Entry {
  readonly value: Uint8Array
  /** 32 bits that the client gave with the value, unsigned; 0 when it gave none. */
  readonly flags: number
  /** 64 bits, unsigned and never 0, given anew with each write of the value and equal at all nodes. A new expiry leaves it. */
  readonly unique: bigint
  /** Milliseconds until it ends; undefined: it was given no end. See `KeyValueLimits.lifeMsMax`. */
  readonly ttlMs: number | undefined
  /** See `Mark`. */
  readonly mark: Mark
}

/**
 * For caches that make a value again before all their clients miss it: `stale` is still served while somebody makes a new one,
 * and of a `claimed` one somebody was told to. Every write takes the mark off unless it sets one.
 */
export type Mark = 'none' | 'stale' | 'claimed' | 'stale-claimed'

/**
 * When a key ends. `'none'`: it is given no end; `'keep'`: as it has it, and none for a new key. A time that has passed deletes.
 * Times longer than `KeyValueLimits.lifeMsMax` are cut to that.
 */
export type Expiry = 'none' | 'keep' | { readonly afterMs: number } | { readonly atUnixMs: number }

export interface Write {
  /** Not to be changed before the answer is there. */
  readonly value: Uint8Array
  /** Default 0. */
  readonly flags?: number
  /** Default `'none'`. */
  readonly expiry?: Expiry
  /** Default `'none'`. */
  readonly mark?: Mark
  /** The number that the value gets, from `takeUnique` or a client. Default: a new one. */
  readonly unique?: bigint
}

/** What an operation makes of what it saw. */
export type Change =
  | ({ readonly kind: 'write' } & Write)
  /** The value stays. On a key that is not there it does nothing. */
  | { readonly kind: 'expire'; readonly expiry: Expiry }
  | { readonly kind: 'delete' }

export interface Decision<Result> {
  /** What `update` resolves with. */
  readonly result: Result
  /** Default: nothing changes. */
  readonly change?: Change | undefined
}

export interface KeyValueLimits {
  /** Bytes of a key. */
  readonly keyBytesMax: number
  /** Bytes of a value. */
  readonly valueBytesMax: number
  /** How long anything lives after it was written. A key without an end is forgotten between half of this and this. */
  readonly lifeMsMax: number
}

/** Keys, from wherever the last page ended. */
export interface Page {
  readonly keys: readonly Uint8Array[]
  /** To be given for the next page; 0 when this was the last. */
  readonly cursor: number
}

export interface KeyValueStore {
  readonly limits: KeyValueLimits

  /** Undefined: not found in time, not served (`serve`, `refuse`), or no value that this node can open. @throws KeyError */
  get(key: Uint8Array): Answer<Entry | undefined>

  /** Like `get` for each, all at once: one deadline for all of them. @throws KeyError when one of them is no key. */
  getMany(keys: readonly Uint8Array[]): Answer<readonly (Entry | undefined)[]>

  /** Store, whatever is there. Resolves when the write is on its way to the others. @throws GatewayError */
  set(key: Uint8Array, write: Write): Answer<void>

  /** @returns whether there was something to delete. It does not come back, however late its writers are. @throws GatewayError */
  delete(key: Uint8Array): Answer<boolean>

  /**
   * Look, decide, write: with nothing else of this node in between. What every conditional operation is made of.
   * @param decide called once with what is there; must not wait. @throws GatewayError, and what `decide` throws.
   */
  update<Result>(key: Uint8Array, decide: (entry: Entry | undefined) => Decision<Result>): Answer<Result>

  /** A number for a write whose caller has to know it. */
  takeUnique(): bigint

  /**
   * Keys that this node holds, in no order: some `count` from the cursor on, more when many lie together. A key that is there
   * all the time is listed; one that comes or goes meanwhile may be. Cursor 0 begins.
   */
  scan(cursor: number, count: number): Page

  /** How many keys this node holds. As of a second ago at most: counting visits them all. */
  count(): number

  /** Delete what this node holds. @returns how many keys. Those that it does not hold stay. */
  flush(): Promise<number>
}
