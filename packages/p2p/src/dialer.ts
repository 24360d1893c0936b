/**
 * The endless re-dial: everybody who should be connected and is not is dialled again, with back-off and full jitter, for as
 * long as the network runs.
 *
 * Decides whom to dial and when; what a dial is, and who is connected, it is told. Two kinds of target: a *member* is a node
 * id with the addresses at which it listens, a *place* is an entry of the join list, behind which anybody may be. What is
 * learned at an address (who answered there, or that it is this node itself) is remembered, so that a place is left alone
 * while whoever answered there is connected.
 *
 * libp2p's own reconnection is not used: it gives up after five attempts (31 s) and never tries again.
 */
import { BACKOFF_DOUBLINGS_MAX, type NetworkLimits, REFUSALS_MAX } from './constants.ts'
import type { JoinPlace } from './join-address.ts'

/** What came of a dial: who answered, or that this node answered itself. Rejects when nobody did. */
export type DialResult = { readonly nodeId: string } | 'self'

export interface DialerInit {
  readonly nodeId: string
  readonly limits: NetworkLimits
  /** Dial one peer at any of the addresses; must settle soon after the signal. */
  readonly dial: (addresses: readonly string[], signal: AbortSignal) => Promise<DialResult>
  /** Whether the peer is connected, or just being connected. */
  readonly isConnected: (nodeId: string) => boolean
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** A clock that never goes back. */
  readonly nowMs: () => number
  readonly onFailure: (target: string, error: unknown) => void
}

interface Target {
  /** For logs: a node id, or the text of a place. */
  readonly name: string
  /** What to dial, one list per peer sought; looked up anew at each attempt. */
  readonly sought: () => Promise<readonly (readonly string[])[]>
  attempts: number
  timer: NodeJS.Timeout | undefined
  /** Ends the attempt under way, if there is one. */
  running: AbortController | undefined
  dropped: boolean
}

interface Member {
  readonly target: Target
  addresses: readonly string[]
}

export class Dialer {
  readonly #init: DialerInit
  #isStopped = false
  readonly #members = new Map<string, Member>()
  readonly #places: Target[]
  /** Who answered at an address the last time. */
  readonly #answered = new Map<string, string>()
  /** Addresses at which this node itself answered: never dialled again. */
  readonly #own = new Set<string>()
  /** Peers that took a connection and would not talk: how often in a row, and when they are tried again. */
  readonly #refusals = new Map<string, number>()
  readonly #notBefore = new Map<string, number>()
  readonly #failures = new Map<string, number>()
  #dialling = 0
  readonly #waiting: (() => void)[] = []

  constructor(init: DialerInit, places: readonly JoinPlace[]) {
    this.#init = init
    this.#places = places
      .filter((place) => place.nodeId !== init.nodeId)
      .map((place) => newTarget(place.text, async () => (await place.resolve()).map((address) => [address])))
  }

  /** Dials of members that failed, by node id. */
  get failures(): ReadonlyMap<string, number> {
    return this.#failures
  }

  /** Begin with the join list. */
  start(): void {
    for (const target of this.#places) this.#schedule(target, 0)
  }

  /** Stop dialling; aborts what is under way. Safe twice. */
  stop(): void {
    this.#isStopped = true
    for (const target of this.#targets()) drop(target)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Replace the list of members. Who is new, or listens elsewhere now, is dialled soon; who is gone no more. */
  setMembers(members: ReadonlyMap<string, readonly string[]>): void {
    if (this.#isStopped) return
    for (const [nodeId, { target }] of this.#members) {
      if (members.has(nodeId)) continue
      drop(target)
      this.#members.delete(nodeId)
      this.#failures.delete(nodeId)
    }
    for (const [nodeId, addresses] of members) {
      if (nodeId === this.#init.nodeId) continue
      const known = this.#members.get(nodeId)
      if (known !== undefined && sameList(known.addresses, addresses)) continue
      if (known !== undefined) {
        known.addresses = [...addresses]
        known.target.attempts = 0
        known.target.running?.abort()
        this.#schedule(known.target, this.#firstPause(nodeId))
        continue
      }
      const member: Member = {
        addresses: [...addresses],
        target: newTarget(nodeId, async () => [withPeer(member.addresses, nodeId)]),
      }
      this.#members.set(nodeId, member)
      this.#schedule(member.target, this.#firstPause(nodeId))
    }
  }

  /** The peer is connected and talks. */
  connected(nodeId: string): void {
    this.#refusals.delete(nodeId)
    this.#notBefore.delete(nodeId)
    const member = this.#members.get(nodeId)
    if (member !== undefined) member.target.attempts = 0
  }

  /** The peer is connected no more: it is dialled again soon, and so are the places where it answered. */
  disconnected(nodeId: string): void {
    if (this.#isStopped) return
    const member = this.#members.get(nodeId)
    if (member !== undefined) this.#schedule(member.target, this.#firstPause(nodeId))
    for (const target of this.#places) {
      target.attempts = 0
      this.#schedule(target, this.#firstPause(nodeId))
    }
  }

  /**
   * The peer took a connection and ended it without a hello (`certain: false`), or does not fit (`certain: true`). It is
   * tried again, but slowly, at once when that is certain and after some times when it may have been an accident.
   */
  refused(nodeId: string, certain: boolean): void {
    const times = (this.#refusals.get(nodeId) ?? 0) + 1
    this.#refusals.set(nodeId, times)
    if (certain || times >= REFUSALS_MAX) this.#notBefore.set(nodeId, this.#init.nowMs() + this.#init.limits.refusedMs)
  }

  *#targets(): Generator<Target> {
    yield* this.#places
    for (const { target } of this.#members.values()) yield target
  }

  /** The lower id dials at once and the higher a little later, so that few pairs dial each other at the same time. */
  #firstPause(nodeId: string): number {
    const { limits, random } = this.#init
    return random() * limits.redialMinMs + (this.#init.nodeId < nodeId ? 0 : limits.redialMinMs)
  }

  /** Look at the target after a while. While it is being looked at, the end of that plans the next look. */
  #schedule(target: Target, afterMs: number): void {
    if (target.dropped || target.running !== undefined) return
    clearTimeout(target.timer)
    target.timer = setTimeout(() => {
      this.#attempt(target).catch((error) => this.#init.onFailure(target.name, error))
    }, afterMs)
  }

  /** Dial everybody behind the target who is not connected; then plan the next look. */
  async #attempt(target: Target): Promise<void> {
    const controller = new AbortController()
    const { signal } = controller
    target.running = controller
    let isMissing = true
    try {
      const sought = await before(this.#deadline(signal), target.sought())
      const dials = sought
        .map((addresses) => addresses.filter((address) => !this.#own.has(address)))
        .filter((addresses) => addresses.length > 0 && !this.#isReached(addresses))
      isMissing = dials.length > 0 || sought.length === 0
      await Promise.all(dials.map((addresses) => this.#dial(target.name, addresses, signal)))
    } finally {
      target.running = undefined
      const { joinRefreshMs, refusedMs } = this.#init.limits
      this.#schedule(target, isMissing ? this.#pause(target) : Math.min(joinRefreshMs, refusedMs))
    }
  }

  /** Whether there is nothing to dial: who is there is connected, or refused us lately. */
  #isReached(addresses: readonly string[]): boolean {
    const nodeId = peerOf(addresses[0]!) ?? this.#answered.get(addresses[0]!)
    if (nodeId === undefined) return false
    return this.#init.isConnected(nodeId) || this.#init.nowMs() < (this.#notBefore.get(nodeId) ?? 0)
  }

  async #dial(name: string, addresses: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#takeTurn()
    try {
      if (signal.aborted) return
      const result = await this.#init.dial(addresses, this.#deadline(signal))
      for (const address of addresses) {
        if (result === 'self') this.#own.add(address)
        else if (peerOf(address) === undefined) this.#answered.set(address, result.nodeId)
      }
    } catch (error) {
      if (signal.aborted) return
      const nodeId = peerOf(addresses[0]!)
      if (nodeId !== undefined) this.#failures.set(nodeId, (this.#failures.get(nodeId) ?? 0) + 1)
      this.#init.onFailure(name, error)
    } finally {
      this.#dialling--
      this.#waiting.shift()?.()
    }
  }

  /** Every step of an attempt ends by then, or with the attempt. */
  #deadline(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.#init.limits.dialMs)])
  }

  /** Wait until fewer than `dialsMax` dials are under way. */
  async #takeTurn(): Promise<void> {
    while (this.#dialling >= this.#init.limits.dialsMax && !this.#isStopped) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#dialling++
  }

  /** Exponential back-off with full jitter. */
  #pause(target: Target): number {
    const { limits, random } = this.#init
    const doubledMs = limits.redialMinMs * 2 ** Math.min(target.attempts, BACKOFF_DOUBLINGS_MAX)
    target.attempts++
    return random() * Math.min(limits.redialMaxMs, doubledMs)
  }
}

const newTarget = (name: string, sought: Target['sought']): Target => ({
  name,
  sought,
  attempts: 0,
  timer: undefined,
  running: undefined,
  dropped: false,
})

const drop = (target: Target): void => {
  target.dropped = true
  clearTimeout(target.timer)
  target.running?.abort()
}

/** The promise's outcome, or a rejection when the signal comes first: looking up a name cannot be aborted. */
const before = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    promise.then(resolve, reject)
  })

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, index) => text === b[index])

/** The addresses, each naming the peer that has to be there. */
const withPeer = (addresses: readonly string[], nodeId: string): readonly string[] =>
  addresses.map((address) => (peerOf(address) === undefined ? `${address}/p2p/${nodeId}` : address))

/** The peer that an address names. */
const peerOf = (address: string): string | undefined => /\/p2p\/([^/]+)$/.exec(address)?.[1]
