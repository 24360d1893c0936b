/**
 * What a chaos run does, as data: a cluster, what clients do to it, which faults happen when, and what must hold. A scenario says
 * nothing about how: the same one runs in virtual time, in one process, in processes behind a proxy, and on hosts of their
 * own in network namespaces, as far as a backend has the faults.
 *
 * Times are milliseconds since the clients began. A seed draws what a scenario leaves open: which node `'any'` is, when clients come and
 * what they do. In virtual time a seed repeats a run event by event; on real processes it repeats the schedule only.
 */

/** Where a scenario runs. */
export type BackendName = 'sim' | 'inproc' | 'proc' | 'netns'

export interface Scenario {
  /** As `reprise chaos run NAME` has it: kebab-case. */
  readonly name: string
  /** One line for `reprise chaos list`. */
  readonly summary: string
  readonly cluster: ClusterPlan
  readonly workload: Workload
  readonly nemesis: readonly Strike[]
  readonly phases: Phases
  readonly invariants: readonly InvariantName[]
}

export interface ClusterPlan {
  readonly nodes: number
  /** Holders besides the primary. */
  readonly copies: number
  /** Bytes of sessions that each node keeps; default the node's own. */
  readonly cacheBytesMax?: number
  /** Members, by number, that are repositories, and keep them on disk. */
  readonly repositories?: readonly number[]
  /** Members, by number, that do not start with the others: a `join` brings them. */
  readonly late?: readonly number[]
  /** Members, by number, that speak the previous version of the wire. */
  readonly previousWire?: readonly number[]
}

/** What clients do: what users of an application do, unless it says that they are TLS clients. */
export type Workload = SessionWorkload | TlsWorkload

/** Sessions of an application. Each client has one at a time and moves between nodes; ids are drawn by Zipf's law. */
export interface SessionWorkload {
  readonly kind?: 'sessions'
  readonly clients: number
  /** Operations of all clients together, per second. */
  readonly rate: number
  /** Different sessions that are in use at a time. */
  readonly keys: number
  /** How uneven: 0 is uniform; default 1.1. */
  readonly zipf?: number
  /** How often each kind comes, relative to the others. */
  readonly mix: Readonly<Partial<Record<Activity, number>>>
  /** Copies that commits wait for. */
  readonly confirm: number
  /** Bytes that each item takes besides its name; default none. */
  readonly itemBytes?: number
  /** A part of the sessions is given so little time that it ends during the run; default all live longer than it. */
  readonly idleMs?: number
}

/**
 * TLS handshakes at the members' own servers. Each client has a certificate of its own, keeps the session that it was given last, and offers
 * it when it comes again, most often at another member. One half speaks TLS 1.2, the other TLS 1.3.
 */
export interface TlsWorkload {
  readonly kind: 'tls'
  readonly clients: number
  /** Handshakes of all clients together, per second. */
  readonly rate: number
  /** Where a client goes: to the next member in turn, or to one that is drawn. */
  readonly balance: 'round-robin' | 'random'
  /** The part of the handshakes, 0 to 1, that offer nothing: somebody new. */
  readonly strangerRate: number
  /** A session that a client had for longer than this must be resumed, in milliseconds; default 50. */
  readonly settledMs?: number
  /** How long a session lives; default five minutes. */
  readonly lifetimeMs?: number
  /** How long a handshake waits for the cluster; default 1,000: what is judged is whether a session is found, not how fast. */
  readonly lookupDeadlineMs?: number
  /** How long a client waits for one member before it goes to the next; default 3,000. */
  readonly patienceMs?: number
}

/**
 * `cart` resumes at a random node, adds an item and commits: items are counted. `read` resumes and compares with what the client
 * knows. `touch` keeps a session alive. `drop` ends one, and looks for it later.
 */
export type Activity = 'cart' | 'read' | 'touch' | 'drop'

/** A fault, when it begins and how long it lasts. What it means to end depends on the fault; `lastsMs: 0` has no end of its own. */
export interface Strike {
  readonly atMs: number
  readonly lastsMs: number
  readonly fault: Fault
}

/** A member by its number, or one that the seed draws anew for each strike. `'primary'` wrote most of late. */
export type Target = number | 'any' | 'primary'

/** On which links a fault lies: default on all. */
export interface LinkSelection {
  /** From these members; default all. */
  readonly from?: readonly Target[]
  /** To these members; default all others. */
  readonly to?: readonly Target[]
}

export type Fault =
  /** SIGKILL; started again with empty memory at the end. */
  | { readonly kind: 'kill'; readonly nodes: readonly Target[] }
  /** SIGSTOP, and SIGCONT at the end. */
  | { readonly kind: 'freeze'; readonly nodes: readonly Target[] }
  /** The event loop is busy. */
  | { readonly kind: 'stall'; readonly nodes: readonly Target[] }
  /**
   * An orderly stop that hands over; started again at the end. With `atOnceMax` it waits while so many other members are being restarted, as a
   * deployment does: on a slow machine everybody would go at once.
   */
  | { readonly kind: 'restart'; readonly nodes: readonly Target[]; readonly atOnceMax?: number }
  /** A late member starts, or one that was not there; it leaves at the end unless `lastsMs` is 0. */
  | { readonly kind: 'join'; readonly nodes: readonly Target[] }
  /** These members on one side, all others on the other; clients reach everybody. */
  | { readonly kind: 'partition'; readonly side: readonly Target[] }
  /** Nothing passes on the selected links, in that direction only. */
  | ({ readonly kind: 'cut' } & LinkSelection)
  /** The selected links are bad. */
  | ({ readonly kind: 'impair'; readonly conditions: LinkConditions } & LinkSelection)
  /** The wall clock is set. */
  | { readonly kind: 'clock-jump'; readonly nodes: readonly Target[]; readonly jumpMs: number }
  /** All clocks run at this rate. */
  | { readonly kind: 'clock-rate'; readonly nodes: readonly Target[]; readonly rate: number }
  /** What a repository writes to has no room. */
  | { readonly kind: 'disk-full'; readonly nodes: readonly Target[] }

export type FaultKind = Fault['kind']

/** What is wrong with a link, in one direction. All defaults: nothing. */
export interface LinkConditions {
  /** Of packets. */
  readonly lossRate?: number
  readonly delayMs?: number
  /** Up to so much more or less than the delay, uniformly; packets may overtake each other only with `reorderRate`. */
  readonly jitterMs?: number
  readonly duplicateRate?: number
  readonly reorderRate?: number
  readonly bytesPerSecond?: number
}

export interface Phases {
  /** How long clients are at it. */
  readonly runMs: number
  /** After everything healed: how soon the cluster must be quiet and all holders equal. */
  readonly quietWithinMs: number
  /** After the last fault: how soon all members must reach each other; default 10,000. */
  readonly linksWithinMs?: number
}

/**
 * What must hold; see `checkers/`. Each looks at what clients did and were told, and at nothing else, but for `convergence`, which asks the cluster
 * to check itself, and `links`.
 */
export type InvariantName =
  /** What was confirmed by copies is there in the end. */
  | 'durability'
  /** Carts hold each item that was confirmed exactly once, and nothing that was never put in. */
  | 'carts'
  /** What is read includes what the client's own token proves. */
  | 'read-your-writes'
  /** No dropped or expired session is ever found again. */
  | 'no-resurrection'
  /** No client was told that a session does not exist while it lives. */
  | 'no-false-absence'
  /** No operation failed: for faults that clients should not notice. */
  | 'no-errors'
  /** In the end all holders are equal. */
  | 'convergence'
  /** All members reach each other soon after the end of the last fault. */
  | 'links'
  /** Every live TLS session is resumed that a client had long enough, unless a fault excuses it. */
  | 'tls-resumed'
  /** No TLS client is taken for another one. */
  | 'tls-own'
  /** No TLS handshake fails at a member that no fault has hit. */
  | 'tls-served'
