import assert from 'node:assert/strict'
import {
  DEAD_MS,
  HEARTBEAT_MS,
  SUSPECT_MS,
  VOUCH_INTERVAL_MS,
  VOUCHED_MS_MAX,
  VOUCHERS_MAX,
} from '../../src/constants.ts'
import type { Fate } from '../support/cluster.ts'
import { Cluster, idInShard } from '../support/cluster.ts'

const stateOf = (cluster: Cluster, at: string, of: string): string | undefined =>
  cluster
    .replica(at)
    .status()
    .members.find(({ nodeId }) => nodeId === of)?.state

/** Nothing gets from one to the other, whatever it is. */
const deaf =
  (from: string, to: string): Fate =>
  (delivery) =>
    delivery.from === from && delivery.to === to ? 'lose' : undefined

describe('a suspect', () => {
  it('that others hear stays one, and keeps its shards, for as long as their word counts', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const id = idInShard(7)
    const before = cluster.replica('a').status().shards[7]?.holders
    cluster.fate = deaf('b', 'a')
    cluster.run(SUSPECT_MS + 2 * HEARTBEAT_MS)
    const suspectedMs = cluster.nowMs
    assert.equal(stateOf(cluster, 'a', 'b'), 'suspect')
    cluster.run(VOUCHED_MS_MAX - 3_000)
    assert.equal(stateOf(cluster, 'a', 'b'), 'suspect')
    assert.deepEqual(cluster.replica('a').status().shards[7]?.holders, before)
    assert(cluster.sentOf('vouch').some(({ to, message }) => to === 'a' && message.node === 'b'))
    // It is alive and may know more than anybody: without it nobody says that there is no such session.
    assert.equal(cluster.outcome(cluster.resume('a', id)).outcome, 'unknown')

    cluster.until(() => stateOf(cluster, 'a', 'b') === 'dead', 'nobody’s word counts for ever')
    assert(cluster.nowMs - suspectedMs <= VOUCHED_MS_MAX + 2 * HEARTBEAT_MS)
  })

  it('that nobody hears is dead as soon as without asking', () => {
    const cluster = Cluster.ready({ nodes: 5 })
    const startMs = cluster.nowMs
    // Its host is gone: no connection breaks.
    cluster.fate = ({ from }) => (from === 'b' ? 'lose' : undefined)
    const others = ['a', 'c', 'd', 'e']
    cluster.until(() => others.every((at) => stateOf(cluster, at, 'b') === 'dead'), 'dead everywhere')
    assert(cluster.nowMs - startMs <= SUSPECT_MS + DEAD_MS + 3 * HEARTBEAT_MS)
  })

  it(`is asked about at ${VOUCHERS_MAX} others at a time, which are not always the same`, () => {
    const cluster = Cluster.ready({ nodes: 8 })
    cluster.fate = deaf('b', 'a')
    cluster.run(SUSPECT_MS + DEAD_MS + VOUCH_INTERVAL_MS)
    const asked = cluster.sentOf('vouch-ask').filter(({ from }) => from === 'a')
    const rounds = new Map<number, string[]>()
    for (const { atMs, to } of asked) rounds.set(atMs, [...(rounds.get(atMs) ?? []), to])
    assert(rounds.size >= 3)
    for (const names of rounds.values()) {
      assert.equal(new Set(names).size, VOUCHERS_MAX)
      assert(!names.includes('b'))
    }
    assert(new Set(asked.map(({ to }) => to)).size > VOUCHERS_MAX)
  })

  it('is looked for by who is asked and has not heard it lately', () => {
    const cluster = Cluster.ready()
    cluster.cut('a', 'b')
    cluster.fate = deaf('b', 'c')
    cluster.run(SUSPECT_MS + HEARTBEAT_MS)
    cluster.fate = () => undefined
    cluster.sent.length = 0
    cluster.hear('c', 'a', { type: 'vouch-ask', node: 'b', incarnation: 1 })
    assert.deepEqual(cluster.sentOf('vouch'), [])
    assert.equal(cluster.sentOf('heartbeat').filter(({ from, to }) => from === 'c' && to === 'b').length, 1)
    cluster.run(HEARTBEAT_MS + 10)
    const [vouch] = cluster.sentOf('vouch')
    assert.deepEqual([vouch?.from, vouch?.to, vouch?.message.heardAgoMs], ['c', 'a', 0])
  })

  it('is vouched for in its present life only', () => {
    const cluster = Cluster.ready()
    cluster.sent.length = 0
    cluster.hear('c', 'a', { type: 'vouch-ask', node: 'b', incarnation: 2 })
    cluster.hear('c', 'a', { type: 'vouch-ask', node: 'nobody', incarnation: 1 })
    assert.deepEqual(cluster.sentOf('vouch'), [])
    cluster.crash('b')
    cluster.fate = ({ type }) => (type === 'vouch' ? 'lose' : undefined)
    for (let n = 0; n < 7; n++) {
      cluster.run(DEAD_MS / 5)
      cluster.hear('a', 'c', { type: 'vouch', node: 'b', incarnation: 7, heardAgoMs: 0 })
    }
    assert.equal(stateOf(cluster, 'a', 'b'), 'dead')
  })

  it('is not asked about over links that do not know how', () => {
    const cluster = Cluster.ready({ nodes: 4, wire: (a, b) => (a === 'd' || b === 'd' ? 1 : 2) })
    cluster.fate = deaf('b', 'a')
    cluster.run(SUSPECT_MS + DEAD_MS)
    const asked = new Set(cluster.sentOf('vouch-ask').map(({ to }) => to))
    assert(asked.has('c') && !asked.has('d'))
    assert.deepEqual(cluster.noticesOf('bad-message'), [])
  })
})
