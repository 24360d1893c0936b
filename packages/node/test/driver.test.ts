import assert from 'node:assert/strict'
import type { Event, Outbox, Replica, Result, SessionKey } from '@reprise/core'
import { SWEEP_INTERVAL_MS } from '@reprise/core'
import type { Network } from '@reprise/p2p'
import { TURN_MS } from '../src/constants.ts'
import { Driver } from '../src/driver.ts'

/** A driver of a core that takes a millisecond for each event and notes them. */
class Bench {
  readonly events: Event[] = []
  nowMs = 0
  dueMs = Number.POSITIVE_INFINITY
  passes = 0
  /** What the core does with an event, besides. */
  onStep: (event: Event, out: Outbox) => void = () => {}
  broken: unknown
  readonly driver: Driver

  constructor() {
    const step = (event: Event, _: unknown, out: Outbox): void => {
      this.nowMs++
      this.events.push(event)
      this.onStep(event, out)
    }
    this.driver = new Driver({
      replica: { step, nextDueMs: () => this.dueMs, pass: () => this.passes++ } as unknown as Replica,
      network: { publish: () => 0, send: () => true } as unknown as Network,
      clock: { now: () => ({ nowMs: this.nowMs, wallMs: 0 }) },
      onNotice: () => {},
      onMembers: () => {},
      onIncarnation: () => {},
      onBroken: (error) => {
        this.broken = error
      },
    })
  }

  get types(): string[] {
    return this.events.map(({ type }) => type)
  }

  frame(): void {
    this.driver.receive({ type: 'frame', from: 'b', shard: 0, bytes: new Uint8Array(1) })
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the driver', () => {
  it('[pitfall 19] works off what peers sent for so long in a turn of the event loop, control first, and goes on in the next', async () => {
    const bench = new Bench()
    for (let n = 0; n < 25; n++) bench.frame()
    assert.equal(bench.events.length, TURN_MS)
    bench.driver.receive({ type: 'message', from: 'b', lane: 'control', bytes: new Uint8Array(1) })
    await nextTurn()
    // The last event begins before the time is over.
    assert.equal(bench.events.length, 2 * TURN_MS + 1)
    assert.equal(bench.types[TURN_MS], 'message')
    await nextTurn()
    assert.equal(bench.events.length, 26)
  })

  it('does what this node’s own callers want at once, also when peers sent too much', () => {
    const bench = new Bench()
    for (let n = 0; n < 25; n++) bench.frame()
    bench.driver.post({ type: 'leave' })
    assert.equal(bench.types.at(-1), 'leave')
  })

  it('[pitfall 43] holds the sender of bulk messages back while they wait', async () => {
    const bench = new Bench()
    assert.equal(bench.driver.receiveBulk('b', new Uint8Array(1)), undefined)
    for (let n = 0; n < 25; n++) bench.frame()
    let isReleased = false
    const held = bench.driver.receiveBulk('b', new Uint8Array(1))
    void held?.then(() => {
      isReleased = true
    })
    await nextTurn()
    assert.equal(isReleased, false)
    await nextTurn()
    await held
    assert.equal(bench.types.at(-1), 'message')
  })

  it('ticks once at the end of a turn for everything that the turn made due', async () => {
    const bench = new Bench()
    bench.onStep = ({ type }) => {
      bench.dueMs = type === 'tick' ? Number.POSITIVE_INFINITY : 0
    }
    await Promise.resolve()
    for (let n = 0; n < 3; n++) {
      bench.driver.post({ type: 'leave' })
      await Promise.resolve()
    }
    await nextTurn()
    assert.deepEqual(bench.types, ['leave', 'leave', 'leave', 'tick'])
  })

  it('tells the time to who reads without a step when the timer is far away, once, and not while steps are frequent', async () => {
    const bench = new Bench()
    bench.dueMs = 10_000
    bench.driver.post({ type: 'leave' })
    await nextTurn()
    for (let n = 0; n < 3; n++) bench.driver.passTime()
    assert.equal(bench.passes, 1)
    bench.dueMs = bench.nowMs + SWEEP_INTERVAL_MS / 2
    await nextTurn()
    bench.driver.passTime()
    assert.equal(bench.passes, 1)
    bench.driver.stop()
    assert.deepEqual(bench.types, ['leave'])
  })

  it('[pitfall 3] steps what a step caused after it, never within', async () => {
    const bench = new Bench()
    bench.onStep = ({ type }) => {
      if (type !== 'leave') return
      bench.frame()
      bench.driver.post({ type: 'goodbye' })
      assert.deepEqual(bench.types, ['leave'])
    }
    bench.driver.post({ type: 'leave' })
    await nextTurn()
    assert.deepEqual(bench.types, ['leave', 'goodbye', 'frame'])
  })

  it('[pitfall 3] ends each request with its own result, also one that was made within the step of another', async () => {
    const bench = new Bench()
    const inner: (Result | Promise<Result>)[] = []
    bench.onStep = (event, out) => {
      if (event.type === 'room') out.results.push({ request: event.request, kind: 'room' })
      if (event.type !== 'drop') return
      // As a listener does that hears of something in the step of somebody else's request.
      inner.push(bench.driver.request({ type: 'room', waitMs: 1 }, undefined))
      out.results.push({ request: event.request, kind: 'dropped' })
    }
    const drop = { type: 'drop', key: 'a' as SessionKey, birth: { generation: 1, random: 1 }, absoluteAtMs: 1 } as const
    const outer = bench.driver.request({ ...drop, copies: 0, waitMs: 1 }, undefined)
    assert(!(outer instanceof Promise), 'it ended in its step')
    assert.equal(outer.kind, 'dropped')
    assert(inner[0] instanceof Promise, 'the one within waited for the end of the step')
    assert.equal((await inner[0]).kind, 'room')
    assert.equal(bench.driver.pendingRequests, 0)
  })

  it('stops when a step throws, and lets go of everybody who waits', async () => {
    const bench = new Bench()
    bench.onStep = () => {
      throw new Error('an invariant')
    }
    const result = bench.driver.request({ type: 'room', waitMs: 1 }, undefined)
    assert.match(String(bench.broken), /an invariant/)
    assert.equal((await result).kind, 'failed')
    bench.frame()
    assert.equal(bench.events.length, 1)
  })
})
