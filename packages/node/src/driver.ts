/**
 * The driver: carries events into the core and its wishes out, one step at a time.
 *
 * It owns the timer, the requests that wait for results, and nothing else. Steps never nest: what a step causes at once (a
 * send that closes a connection, a listener that commits) is queued and stepped after it.
 */
import type { Drained, Event, NodeId, Notice, Replica, Result } from '@reprise/core'
import { Outbox, StoppedError } from '@reprise/core'
import type { Network } from '@reprise/p2p'
import type { Clock } from './clock.ts'
import { TICK_MS_MIN } from './constants.ts'

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
  /** A step threw: a broken invariant of the core. The driver has stopped. */
  onBroken(error: unknown): void
}

export class Driver {
  readonly #init: DriverInit
  readonly #out = new Outbox()
  readonly #queue: Event[] = []
  readonly #requests = new Map<number, (result: Result) => void>()
  #nextRequest = 1
  #isStepping = false
  #isStopped = false
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(init: DriverInit) {
    this.#init = init
  }

  get pendingRequests(): number {
    return this.#requests.size
  }

  /** Let an event happen, now or right after the present step. */
  post(event: Event): void {
    if (this.#isStopped) return
    this.#queue.push(event)
    if (!this.#isStepping) this.#work()
  }

  /**
   * Start a request and wait for its result. When the signal aborts, the core is told that nobody waits.
   * @throws StoppedError
   */
  request(request: Request, signal: AbortSignal | undefined): Promise<Result> {
    if (this.#isStopped) return Promise.reject(new StoppedError())
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const number = this.#nextRequest++
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
      this.post({ ...request, request: number } as Event)
    })
  }

  /** Hold nothing back any more: every request that still waits is rejected, and no event is taken. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    for (const [request, finish] of [...this.#requests]) {
      this.#requests.delete(request)
      finish({ request, kind: 'failed', error: new StoppedError() })
    }
  }

  #work(): void {
    this.#isStepping = true
    try {
      for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
        this.#init.replica.step(event, this.#init.clock.now(), this.#out)
        this.#carryOut(this.#out.drain())
      }
    } catch (error) {
      this.stop()
      this.#init.onBroken(error)
      return
    } finally {
      this.#isStepping = false
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
    for (const result of wishes.results) {
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
    this.#timer = setTimeout(() => {
      this.#timerAtMs = Number.POSITIVE_INFINITY
      this.post({ type: 'tick' })
    }, delayMs)
  }
}
