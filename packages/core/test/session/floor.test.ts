import assert from 'node:assert/strict'
import { SYNC_REMAINING_MS_MIN } from '../../src/constants.ts'
import { isRemainder } from '../../src/session/floor.ts'
import type { SessionRecord } from '../../src/session/record.ts'
import type { Birth, NodeId } from '../../src/session/version.ts'
import { compareBirths } from '../../src/session/version.ts'
import type { ClusterOptions } from '../support/cluster.ts'
import { Cluster, keyOf, texts } from '../support/cluster.ts'

const ID = 's'
/** The longest that a copy of the first life lasts. */
const ABSOLUTE_MS = 60_000
/** What the second life lasts when nobody uses it. */
const SHORT_MS = 6_000

const stored = (cluster: Cluster, node: NodeId): SessionRecord | undefined =>
  cluster.replica(node).table.peek(keyOf(ID))?.record

/** Which of a session's births a node keeps from coming back, and whether something later is here. */
function kept(cluster: Cluster, node: NodeId): Birth | undefined {
  const record = stored(cluster, node)
  return record?.kind === 'live' ? record.floor?.birth : record?.birth
}

const isLeft = (cluster: Cluster, node: NodeId): boolean => {
  const record = stored(cluster, node)
  return record !== undefined && isRemainder(record)
}

/** Three holders of everything; the session's first life is at all of them. */
function begin(options: ClusterOptions = {}): { cluster: Cluster; first: Birth } {
  const cluster = Cluster.ready({ nodes: 3, ...options })
  return { cluster, first: beginFirst(cluster, 'a') }
}

function beginFirst(cluster: Cluster, node: NodeId): Birth {
  cluster.result(cluster.create(node, ID, { absoluteMs: ABSOLUTE_MS }))
  return cluster.written(cluster.commit(node, ID, { x: 'first life' }, { copies: 2 })).birth
}

function drop(cluster: Cluster, node: NodeId, copies = 2, birth = cluster.birth(node, ID)): void {
  cluster.result(cluster.drop(node, ID, { birth, absoluteAtMs: cluster.nowMs + ABSOLUTE_MS, copies }))
}

/** The same with a fourth member, which knows nothing of the session. */
function beginBeside(): { cluster: Cluster; first: Birth; holders: readonly NodeId[]; outsider: NodeId } {
  const cluster = Cluster.ready({ nodes: 4 })
  const holders = cluster.holdersOf(ID)
  const outsider = cluster.nodes.find((node) => !holders.includes(node)) as NodeId
  return { cluster, first: beginFirst(cluster, holders[0] as NodeId), holders, outsider }
}

function cutOff(cluster: Cluster, node: NodeId): void {
  for (const other of cluster.nodes) if (other !== node) cluster.cut(node, other)
}

function bringBack(cluster: Cluster, node: NodeId): void {
  for (const other of cluster.nodes) if (other !== node) cluster.connect(node, other)
}

/** The id lives anew at a node, for a short time. */
function beginAnew(cluster: Cluster, node: NodeId, idleMs = SHORT_MS): void {
  const created = cluster.create(node, ID, { assumeNew: true, idleMs, absoluteMs: 600_000 })
  assert.equal(cluster.result(created).kind, 'created')
  cluster.written(cluster.commit(node, ID, { x: 'second life' }, { copies: 1 }))
}

function haveEqualDigests(cluster: Cluster, nodes: readonly NodeId[] = cluster.nodes, wire?: number): boolean {
  const shard = cluster.replica('a').table.shardOf(keyOf(ID))
  const [first, ...others] = nodes.map((node) => JSON.stringify(cluster.replica(node).table.shardDigests(shard, wire)))
  return others.every((other) => other === first)
}

describe('[E4] a drop that a later life of the id followed', () => {
  it('[I-R5] [E4] outlasts that life: who was cut off all the while cannot bring the dropped one back', () => {
    for (const planted of [[], ['floor']]) {
      const { cluster, first } = begin({ init: () => ({ planted: new Set(planted) }) })
      cutOff(cluster, 'c')
      drop(cluster, 'a', 0)
      beginAnew(cluster, 'a')
      cluster.run(SHORT_MS + 1_000)
      assert.equal(cluster.record('c', ID).birth.generation, first.generation, 'c never heard of anything')
      bringBack(cluster, 'c')
      cluster.run(3_000)
      const isBack = cluster.nodes.map((node) => stored(cluster, node)?.kind === 'live')
      assert.deepEqual(isBack, planted.length === 0 ? [false, false, false] : [true, true, true])
      if (planted.length > 0) continue
      assert(haveEqualDigests(cluster))
      for (const node of cluster.nodes) assert.equal(cluster.outcome(cluster.resume(node, ID)).outcome, 'absent')
      cluster.run(ABSOLUTE_MS)
      for (const node of cluster.nodes) assert.equal(stored(cluster, node), undefined, 'until its copies have ended')
    }
  })

  it('[E4] outlasts the drop of that life, also one that would end before', () => {
    const { cluster, first } = begin()
    cutOff(cluster, 'c')
    drop(cluster, 'a', 0)
    const untilMs = cluster.nowMs + ABSOLUTE_MS - 5_000
    beginAnew(cluster, 'a')
    const second = cluster.birth('a', ID)
    cluster.result(cluster.drop('b', ID, { absoluteAtMs: cluster.nowMs + 5_000, copies: 1 }))
    cluster.run(6_000)
    for (const node of ['a', 'b']) {
      const record = stored(cluster, node)
      assert(record?.kind === 'dropped' && record.absoluteAtMs > untilMs)
      assert.deepEqual(record.birth, second)
    }
    bringBack(cluster, 'c')
    cluster.run(3_000)
    assert.equal(stored(cluster, 'c')?.kind, 'dropped')
    assert(compareBirths(first, second) < 0)
  })

  it('[E4] is known of an earlier life too when it is dropped while the later one lives, which goes on', () => {
    const { cluster, first, holders, outsider } = beginBeside()
    beginAnew(cluster, outsider)
    const [holder] = holders as [NodeId]
    assert.equal(kept(cluster, holder), undefined)
    drop(cluster, holder, 2, first)
    cluster.run(100)
    for (const node of [outsider, ...holders]) {
      assert.deepEqual(kept(cluster, node), first)
      assert.equal(texts(cluster.record(node, ID))['x'], 'second life')
    }
    assert(haveEqualDigests(cluster, holders))
    cluster.written(cluster.commit(outsider, ID, { x: 'more' }, { copies: 2 }))
  })

  it('[V4] reaches who created the id anew without knowing, and goes with what it writes next', () => {
    const { cluster, first, holders, outsider } = beginBeside()
    drop(cluster, holders[0] as NodeId, 2, first)
    cluster.run(1_000)
    beginAnew(cluster, outsider)
    cluster.run(100)
    for (const node of [outsider, ...holders]) assert.deepEqual(kept(cluster, node), first)
    assert(haveEqualDigests(cluster, holders))
    const before = cluster.sent.length
    cluster.written(cluster.commit(outsider, ID, { x: 'more' }, { copies: 1 }))
    cluster.run(100)
    const types = new Set(cluster.sent.slice(before).map(({ type }) => type))
    assert(!types.has('push'), 'it is told once')
  })
})

describe('[rule R2] what is left of an earlier life', () => {
  it('[rule R2] [E1] proves nothing of the later one: who heard of a use has it, and is asked', () => {
    const { cluster } = begin()
    drop(cluster, 'a')
    beginAnew(cluster, 'a')
    // Not so long that it takes the others for dead: then nobody could know better than it.
    cluster.run(SHORT_MS - 2_000)
    cutOff(cluster, 'c')
    cluster.run(500)
    cluster.written(cluster.commit('a', ID, { y: 'used' }, { copies: 1 }))
    cluster.until(() => isLeft(cluster, 'c'), 'the later life ended for who heard of no use')
    assert.equal(cluster.replica('c').peek(keyOf(ID)), undefined)
    assert.equal(cluster.outcome(cluster.resume('c', ID, { consistency: 'any' })).outcome, 'unknown', 'nobody to ask')
    bringBack(cluster, 'c')
    cluster.fate = ({ type }) => (type.startsWith('sync-') ? 'lose' : undefined)
    cluster.run(20)
    assert(isLeft(cluster, 'c'))
    const outcome = cluster.outcome(cluster.resume('c', ID, { consistency: 'any' }))
    assert(outcome.outcome === 'complete')
    assert.equal(texts(outcome.record)['y'], 'used')
    assert(!isLeft(cluster, 'c'))
  })

  it('[rule R2] is an absence that counts when all ready holders say it, and no drop', () => {
    const { cluster } = begin()
    drop(cluster, 'a')
    beginAnew(cluster, 'a')
    cluster.run(SHORT_MS + 500)
    for (const node of cluster.nodes) assert(isLeft(cluster, node))
    for (const consistency of ['latest', 'any'] as const) {
      const outcome = cluster.outcome(cluster.resume('b', ID, { consistency }))
      assert(outcome.outcome === 'absent' && outcome.reason === 'not-found', JSON.stringify(outcome))
    }
    const { code } = cluster.failure(
      cluster.commit('b', ID, { x: 'late' }, { birth: { generation: 2 ** 45, random: 1 } }),
    )
    assert.equal(code, 'EVICTED', 'as if nothing were here')
    assert.equal(cluster.result(cluster.create('b', ID)).kind, 'created', 'the id is free')
  })

  it('[I-R5] ends a copy of the dropped life when that one asks', () => {
    const { cluster, first } = begin()
    cutOff(cluster, 'c')
    drop(cluster, 'a', 0)
    beginAnew(cluster, 'a')
    cluster.run(SHORT_MS + 500)
    bringBack(cluster, 'c')
    cluster.fate = ({ type }) => (type.startsWith('sync-') ? 'lose' : undefined)
    cluster.run(20)
    assert.deepEqual(cluster.record('c', ID).birth, first)
    assert.equal(cluster.outcome(cluster.resume('c', ID)).outcome, 'absent')
    assert(isLeft(cluster, 'c'))
  })
})

describe('[E4] a floor', () => {
  it('[E2] ends, and the record goes on without; nothing of it travels in its last seconds', () => {
    const { cluster, first } = begin()
    drop(cluster, 'a')
    beginAnew(cluster, 'a', 600_000)
    assert.deepEqual(kept(cluster, 'c'), first)
    const record = cluster.record('a', ID)
    const untilMs = record.floor?.untilMs ?? 0
    cluster.run(untilMs - SYNC_REMAINING_MS_MIN - cluster.nowMs + 10)
    const before = cluster.sent.length
    cluster.written(cluster.commit('a', ID, { x: 'close to its end' }, { copies: 2 }))
    for (const { frame } of cluster.sent.slice(before)) {
      for (const { record: sent } of frame?.records ?? []) assert(sent.kind === 'live' && sent.floor === undefined)
    }
    cluster.run(2 * SYNC_REMAINING_MS_MIN)
    for (const node of cluster.nodes) {
      assert.equal(cluster.record(node, ID).floor, undefined)
      assert.equal(texts(cluster.record(node, ID))['x'], 'close to its end')
    }
    assert(haveEqualDigests(cluster))
  })

  it('[rule P1] of a record about to end is what a joiner gets: it needs it when nobody sends the record any more', () => {
    const { cluster, first } = begin()
    drop(cluster, 'a')
    beginAnew(cluster, 'a')
    cluster.crash('c')
    cluster.run(SHORT_MS - 1_000)
    cluster.join('c', { incarnation: 2 })
    cluster.until(() => cluster.isSettled(), 'the second life of c')
    const record = stored(cluster, 'c')
    assert(record?.kind === 'dropped')
    assert.deepEqual(record.birth, first)
    assert.equal(stored(cluster, 'a')?.kind, 'live', 'it had not ended yet')
    cluster.run(2_000)
    assert(haveEqualDigests(cluster))
  })

  it('[T1] stays with the stub of an evicted record, and is put back when that would have ended', () => {
    const tiny = (node: NodeId): object => (node === 'c' ? { cacheBytesMax: 1_200 } : {})
    const { cluster, first } = begin({ init: tiny })
    drop(cluster, 'a')
    beginAnew(cluster, 'a')
    for (let i = 0; i < 6; i++) cluster.establish('a', `other-${i}`, { x: 'y'.repeat(50) })
    cluster.run(500)
    assert(stored(cluster, 'c') === undefined && cluster.replica('c').table.absence(keyOf(ID)) === 'evicted')
    assert(haveEqualDigests(cluster), 'it counts with its floor')
    cluster.until(() => isLeft(cluster, 'c'), 'the stub ends')
    assert.deepEqual(kept(cluster, 'c'), first)
    cluster.run(1_000)
    assert(haveEqualDigests(cluster))
  })

  it('[T1] that a stub has is not lost to a copy without it, nor to a later drop', () => {
    const tiny = (node: NodeId): object => (node === 'c' ? { cacheBytesMax: 1_200 } : {})
    for (const what of ['copy', 'drop'] as const) {
      const { cluster, first } = begin({ init: tiny })
      drop(cluster, 'a')
      beginAnew(cluster, 'a', 60_000)
      const { floor, ...bare } = cluster.record('a', ID)
      for (let i = 0; i < 6; i++) cluster.establish('a', `other-${i}`, { x: 'y'.repeat(50) })
      cluster.run(500)
      assert.equal(stored(cluster, 'c'), undefined)
      const record: SessionRecord =
        what === 'copy' ? bare : { kind: 'dropped', birth: bare.birth, absoluteAtMs: cluster.nowMs + 5_000 }
      cluster.hear('c', 'b', { type: 'push', records: [{ key: keyOf(ID), record }] })
      const now = stored(cluster, 'c')
      if (what === 'copy') assert.deepEqual(kept(cluster, 'c'), first)
      else assert(now?.kind === 'dropped' && now.absoluteAtMs >= (floor?.untilMs ?? 0) - 10)
    }
  })

  it('to a link of wire 1 goes what it understands, and floors do not make two holders differ', () => {
    const wire = (a: NodeId, b: NodeId): number => (a === 'c' || b === 'c' ? 1 : 2)
    const { cluster, first } = begin({ wire })
    drop(cluster, 'a')
    cluster.crash('c')
    cluster.run(500)
    beginAnew(cluster, 'a')
    cluster.join('c', { incarnation: 2 })
    cluster.until(() => cluster.isSettled(), 'the second life of c')
    assert.deepEqual(kept(cluster, 'a'), first)
    assert.equal(kept(cluster, 'c'), undefined, 'nobody told it')
    assert(haveEqualDigests(cluster, ['a', 'b']))
    assert(!haveEqualDigests(cluster, ['a', 'c']) && haveEqualDigests(cluster, ['a', 'c'], 1))
    assert.equal(cluster.noticesOf('bad-message').length, 0)
    cluster.run(SHORT_MS + 500)
    cluster.cut('a', 'c')
    cluster.connect('a', 'c')
    cluster.run(3_000)
    assert.deepEqual(kept(cluster, 'c'), first, 'as a tombstone like any other')
    assert(!isLeft(cluster, 'c') && isLeft(cluster, 'a'))
    assert(haveEqualDigests(cluster))
  })
})
