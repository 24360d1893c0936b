/**
 * The driver: carries events into the core and its wishes out, one step at a time.
 *
 * It owns the timer, the requests that wait for results, and what peers sent and was not stepped yet. Steps never nest: what
 * a step causes at once (a send that closes a connection, a listener that commits) is queued and stepped after it. What is
 * due when a turn ends, such as the frames of everything that was committed in it, is done then, once. What peers send is
 * stepped as it comes, for at most 10 ms of a turn of the event loop.
 */
import type { Drained, Event, NodeId, Notice, Replica, Result } from '@reprise/core'
import { Outbox, StoppedError, SWEEP_INTERVAL_MS } from '@reprise/core'
import type { Network } from '@reprise/p2p'
import type { Clock } from './clock.ts'
import { REQUESTS_AT_ONCE_MAX, TICK_MS_MIN, TURN_MS } from './constants.ts'
import type { PeerEvent } from './inbox.ts'
import { Inbox } from './inbox.ts'

/** An event that starts a request, before it has its number. */
export type Request = Event extends infer E
  ? E extends { readonly request: number }
    ? Omit<E, 'request'>
    : never
  : never

export interface DriverInit {
  readonly replica: Replica
  readonly network: Network
  readonly clock: Clock
  onNotice(notice: Notice): void
  onIncarnation(incarnation: number): void
  /** Who is to be connected with changed. */
  onMembers(members: ReadonlyMap<NodeId, readonly string[]>): void
  /** After every step, for who looks at what it left. */
  readonly onStepped?: (() => void) | undefined
  /** A step threw: a broken invariant of the core. The driver has stopped. */
  onBroken(error: unknown): void
}

export class Driver {
  readonly #init: DriverInit
  readonly #out = new Outbox()
  readonly #queue: Event[] = []
  readonly #requests = new Map<number, (result: Result) => void>()
  #nextRequest = 1
  /** The request whose step is under way, and its result, if it ended there. */
  #beginning = 0
  #endedInStep: Result | undefined
  readonly #inbox = new Inbox()
  readonly #bulkSenders: (() => void)[] = []
  #isStepping = false
  #isStopped = false
  #isTurnOpen = false
  /** Requests that ended within their step in this turn of the event loop. */
  #endedAtOnce = 0
  /** What peers send is stepped until then in this turn of the event loop; undefined when nothing was yet. */
  #sliceEndsMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Number.POSITIVE_INFINITY
  /** The timer is so far away that the core's time may be older than reads take it for. */
  #isQuiet = false

  constructor(init: DriverInit) {
    this.#init = init
  }

  get pendingRequests(): number {
    return this.#requests.size
  }

  /** Frames and messages of peers that were dropped because too much waited. */
  get droppedInputs(): number {
    return this.#inbox.dropped
  }

  /** Let an event happen, now or right after the present step. */
  post(event: Event): void {
    if (this.#isStopped) return
    this.#queue.push(event)
    if (!this.#isStepping) this.#work()
  }

  /** Let the core know the time before it is read without a step, if it may not have heard it for long. */
  passTime(): void {
    if (!this.#isQuiet || this.#isStopped) return
    this.#isQuiet = false
    this.#init.replica.pass(this.#init.clock.now())
    this.#openTurn()
  }

  /** Let something happen that a peer caused, now or when there is time for it. Its bytes must not change any more. */
  receive(event: PeerEvent): void {
    if (this.#isStopped) return
    this.#inbox.push(event)
    if (!this.#isStepping) this.#workOff()
  }

  /**
   * A message of the bulk lane, which can wait.
   * @returns a promise that holds the next one back, if it waits.
   */
  receiveBulk(from: string, bytes: Uint8Array): void | Promise<void> {
    this.receive({ type: 'message', from, lane: 'bulk', bytes })
    if (this.#inbox.isEmpty) return
    return new Promise((resolve) => this.#bulkSenders.push(resolve))
  }

  /**
   * Start a request. Most writes end within their step, and need no promise. When the signal aborts, the core is told that
   * nobody waits.
   * @returns its result if it has ended, else a promise of it, which rejects with the signal's reason.
   * @throws StoppedError
   */
  request(request: Request, signal: AbortSignal | undefined): Result | Promise<Result> {
    if (this.#isStopped) throw new StoppedError()
    signal?.throwIfAborted()
    const number = this.#nextRequest++
    const ended = this.#begin({ ...request, request: number } as Event, number)
    if (ended === undefined) return this.#ended(number, signal)
    if (++this.#endedAtOnce < REQUESTS_AT_ONCE_MAX) return ended
    // One after the other, such requests would never let this turn end, and what they wrote never leave.
    this.#endedAtOnce = 0
    return nextTurn(ended)
  }

  /** @returns the result, if the request ended within its step. Within a step of another it waits for the end of that. */
  #begin(event: Event, number: number): Result | undefined {
    const outer = this.#beginning
    this.#beginning = number
    this.post(event)
    this.#beginning = outer
    const ended = this.#endedInStep
    if (ended?.request !== number) {
      return this.#isStopped ? { request: number, kind: 'failed', error: new StoppedError() } : undefined
    }
    this.#endedInStep = undefined
    return ended
  }

  #ended(number: number, signal: AbortSignal | undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.post({ type: 'cancel', request: number })
        // A cancelled commit has ended with a result of its own; everything else ends with the signal's reason.
        if (this.#requests.delete(number)) reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#requests.set(number, (result) => {
        signal?.removeEventListener('abort', onAbort)
        resolve(result)
      })
    })
  }

  /** Hold nothing back any more: every request that still waits is rejected, and no event is taken. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#releaseBulk()
    for (const [request, finish] of [...this.#requests]) {
      this.#requests.delete(request)
      finish({ request, kind: 'failed', error: new StoppedError() })
    }
  }

  #work(): void {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) this.#step(event)
    this.#openTurn()
  }

  /** Step what peers sent, for as long as this turn of the event loop allows. */
  #workOff(): void {
    const startedMs = this.#init.clock.now().nowMs
    if (this.#sliceEndsMs === undefined) {
      this.#sliceEndsMs = startedMs + TURN_MS
      setImmediate(() => {
        this.#sliceEndsMs = undefined
        if (!this.#isStopped && !this.#inbox.isEmpty) this.#workOff()
      })
    }
    let nowMs = startedMs
    while (nowMs < this.#sliceEndsMs) {
      const event = this.#inbox.shift()
      if (event === undefined) break
      nowMs = this.#step(event)
      if (this.#queue.length > 0) this.#work()
    }
    if (this.#inbox.isEmpty) this.#releaseBulk()
    this.#openTurn()
  }

  #releaseBulk(): void {
    for (const release of this.#bulkSenders.splice(0)) release()
  }

  /** @returns the time of the step. */
  #step(event: Event): number {
    const now = this.#init.clock.now()
    if (this.#isStopped) return now.nowMs
    this.#isStepping = true
    try {
      this.#init.replica.step(event, now, this.#out)
      const results = this.#out.drainResults()
      if (results === undefined) this.#carryOut(this.#out.drain())
      else this.#finish(results)
      this.#init.onStepped?.()
    } catch (error) {
      this.stop()
      this.#init.onBroken(error)
    } finally {
      this.#isStepping = false
    }
    return now.nowMs
  }

  /** Look at what is due when this turn ends: when the promises that it settled have run. */
  #openTurn(): void {
    if (this.#isTurnOpen || this.#isStopped) return
    this.#isTurnOpen = true
    process.nextTick(() => {
      this.#isTurnOpen = false
      this.#endedAtOnce = 0
      this.#endTurn()
    })
  }

  #endTurn(): void {
    if (this.#isStopped) return
    // What came during a step, from what the step did.
    if (!this.#inbox.isEmpty && this.#sliceEndsMs === undefined) this.#workOff()
    const { replica, clock } = this.#init
    if (replica.nextDueMs() <= clock.now().nowMs) {
      this.#queue.push({ type: 'tick' })
      for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) this.#step(event)
    }
    this.#setTimer()
  }

  #carryOut(wishes: Drained): void {
    const { network } = this.#init
    if (wishes.incarnation !== undefined) this.#init.onIncarnation(wishes.incarnation)
    if (wishes.members !== undefined) {
      network.setMembers(wishes.members)
      this.#init.onMembers(wishes.members)
    }
    for (const shard of wishes.subscribe) network.subscribe(shard)
    for (const shard of wishes.unsubscribe) network.unsubscribe(shard)
    for (const { shard, frame } of wishes.publishes) network.publish(shard, frame)
    for (const { to, lane, message } of wishes.sends) network.send(to, lane, message)
    for (const notice of wishes.notices) this.#init.onNotice(notice)
    this.#finish(wishes.results)
  }

  #finish(results: readonly Result[]): void {
    for (const result of results) {
      if (result.request === this.#beginning) {
        this.#endedInStep = result
        continue
      }
      const finish = this.#requests.get(result.request)
      this.#requests.delete(result.request)
      finish?.(result)
    }
  }

  /** One timer for the earliest wish. It is left alone when it fires early enough: setting timers costs more than a tick. */
  #setTimer(): void {
    if (this.#isStopped) return
    const dueMs = this.#init.replica.nextDueMs()
    if (dueMs >= this.#timerAtMs) return
    clearTimeout(this.#timer)
    this.#timerAtMs = dueMs
    const delayMs = Math.max(TICK_MS_MIN, dueMs - this.#init.clock.now().nowMs)
    this.#isQuiet = delayMs > SWEEP_INTERVAL_MS
    this.#timer = setTimeout(() => {
      this.#timerAtMs = Number.POSITIVE_INFINITY
      this.post({ type: 'tick' })
    }, delayMs)
  }
}

function nextTurn<T>(value: T): Promise<T> {
  return new Promise((resolve) => setImmediate(() => resolve(value)))
}
