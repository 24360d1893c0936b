import assert from 'node:assert/strict'
import { Random } from '@reprise/testkit'
import type { MemberCondition } from '../../src/backends/backend.ts'
import { Balancer } from '../../src/workload/balancer.ts'
import { SessionPool } from '../../src/workload/sessions.ts'

describe('a pool of sessions', () => {
  const SEED = 11
  const pool = (zipf: number): SessionPool =>
    new SessionPool({ keys: 10, zipf, drawIdleMs: () => 1_000, random: new Random(SEED) })
  const counts = (zipf: number): number[] => {
    const drawn = new Array<number>(10).fill(0)
    const from = pool(zipf)
    for (let i = 0; i < 20_000; i++) drawn[from.drawSlot() ?? 0]! += 1
    return drawn
  }

  it(`draws slots by Zipf's law (seed ${SEED})`, () => {
    const drawn = counts(1)
    for (const rank of [1, 3, 9]) {
      const ratio = (drawn[0] ?? 0) / (drawn[rank] ?? 1)
      assert(Math.abs(ratio / (rank + 1) - 1) < 0.25, `rank ${rank}: ${ratio}`)
    }
    for (const count of counts(0)) assert(Math.abs(count / 2_000 - 1) < 0.2)
  })

  it('leaves slots alone at which somebody is', () => {
    const some = pool(3)
    some.reserve(0)
    const session = some.create()
    session.isBusy = true
    some.fill(1, session)
    for (let i = 0; i < 1_000; i++) assert.notEqual((some.drawSlot() ?? 9) < 2, true)
    session.isBusy = false
    some.fill(0, undefined)
    const drawn = new Set(Array.from({ length: 1_000 }, () => some.drawSlot()))
    assert(drawn.has(0) && drawn.has(1))
  })

  it('numbers every session that there ever was', () => {
    const some = pool(1)
    const [one, two] = [some.create(), some.create()]
    some.fill(4, one)
    some.clear(4)
    assert.deepEqual([one.number, two.number, some.at(4)], [0, 1, undefined])
    assert.equal(some.all.length, 2)
  })
})

describe('a balancer', () => {
  const ready = { state: 'ready', lagFrames: 0, reachable: 2, sessions: 0 } as const

  it('sends clients to who is fit, then to whoever there shall be, and to nobody twice', () => {
    const balancer = new Balancer(new Random(1))
    balancer.update(
      new Map<number, MemberCondition>([
        [0, 'silent'],
        [1, ready],
        [2, { ...ready, state: 'draining' }],
      ]),
      [0, 1, 2],
    )
    const tried = new Set<number>()
    for (let i = 0; i < 3; i++) {
      const node = balancer.choose(tried)
      assert(node !== undefined && !tried.has(node))
      if (i === 0) assert.equal(node, 1)
      tried.add(node)
    }
    assert.equal(balancer.choose(tried), undefined)
  })

  it('sends clients to one after the other, if told so, and leaves out who is not fit', () => {
    const balancer = new Balancer(new Random(1), 'round-robin')
    balancer.update(new Map<number, MemberCondition>([0, 1, 3].map((node) => [node, ready])), [0, 1, 2, 3])
    const chosen = Array.from({ length: 5 }, () => balancer.choose(new Set()))
    assert.deepEqual(chosen, [0, 1, 3, 0, 1])
    assert.equal(balancer.choose(new Set([3])), 0)
  })
})
