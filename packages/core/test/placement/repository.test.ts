import assert from 'node:assert/strict'
import { allShards } from '../../src/context.ts'
import { Outbox } from '../../src/outbox.ts'
import type { Replica } from '../../src/replica.ts'
import type { KeyedRecord } from '../../src/wire/record-codec.ts'
import { decodeStored, encodeStored } from '../../src/wire/stored-record.ts'
import { Cluster, idInShard, keyOf, nodeName, shardOf, smallPortions, texts } from '../support/cluster.ts'
import { keyHash } from '../support/key-hash.ts'

const ALL = { repository: allShards() }
const SHARD = 7

/** Three holders, and the repositories. */
function clusterWith(repositories: Readonly<Record<string, readonly number[]>>, cacheBytesMax?: number): Cluster {
  const cluster = Cluster.ready({
    nodes: 3,
    init: (node) => (cacheBytesMax !== undefined && node.length === 1 ? { cacheBytesMax } : {}),
  })
  for (const [node, repository] of Object.entries(repositories)) cluster.join(node, { repository })
  cluster.until(() => cluster.isSettled(), 'the repositories are ready')
  cluster.run(1_000)
  return cluster
}

/** What a repository would have on its disk, as it is read `downMs` later at virtual time 0 of a new cluster. */
function diskOf(replica: Replica, nowMs: number): (atMs: number, downMs: number) => KeyedRecord[] {
  const stored: { key: KeyedRecord['key']; value: Uint8Array }[] = []
  for (const bucket of Array.from({ length: 1024 }, (_, n) => n)) {
    for (const { key, record } of replica.table.bucketEntries(bucket)) {
      stored.push({ key, value: encodeStored(key, record, { nowMs, storedMs: nowMs }, keyHash) })
    }
  }
  return (atMs, downMs) =>
    stored.map(({ key, value }) => decodeStored(key, value, { nowMs: atMs, storedMs: nowMs + downMs }, keyHash))
}

/** A new cluster of holders and one repository that read its disk, all started at the same moment. */
function restarted(disk: (atMs: number, downMs: number) => KeyedRecord[], downMs = 0): Cluster {
  const cluster = new Cluster()
  for (const node of ['r', 'a', 'b', 'c']) {
    cluster.start(node, node === 'r' ? { ...ALL, incarnation: 2 } : { incarnation: 2 })
  }
  cluster.step('r', { type: 'load', records: disk(cluster.nowMs, downMs) })
  for (const a of cluster.nodes) for (const b of cluster.nodes) if (a < b) cluster.connect(a, b)
  return cluster
}

describe('[R14] a repository', () => {
  it('has the union of all portions, and one repository lies inside another', () => {
    const cluster = clusterWith({ all: allShards(), half: allShards().filter((shard) => shard < 32) })
    const ids = [3, 20, 40, 63].map((shard) => idInShard(shard))
    for (const id of ids) cluster.establish('a', id, { x: id })
    cluster.run(1_000)
    for (const id of ids) {
      assert.deepEqual(texts(cluster.record('all', id)), { x: id })
      assert.equal(cluster.nodesWith(id).includes('half'), shardOf(id) < 32)
    }
    for (const shard of allShards().filter((shard) => shard < 32)) {
      const [one, other] = ['all', 'half'].map((node) => cluster.replica(node).table.shardDigests(shard))
      assert.deepEqual(one, other)
    }
  })

  it('is no copy that a commit waits for, and no holder', () => {
    const cluster = clusterWith({ r: allShards() })
    const id = idInShard(SHARD)
    cluster.establish('a', id, { x: '1' })
    assert.deepEqual(cluster.holdersOf(id), ['a', 'b', 'c'])
    const roles = cluster
      .replica('a')
      .status()
      .members.map(({ name, role }) => [name, role])
    assert.deepEqual(roles.sort(), [
      ['b', 'member'],
      ['c', 'member'],
      ['r', 'repository'],
    ])
    assert.equal(cluster.replica('r').isCounted(SHARD), false)
    // Of its acknowledgements none says that it is a copy.
    const acks = cluster.sentOf('ack').filter(({ from }) => from === 'r')
    assert(acks.length > 0)
    assert(acks.every(({ message }) => message.positions.every(({ ready }) => !ready)))
    cluster.crash('c')
    cluster.until(() => cluster.replica('a').aliveMembers().length === 3, 'c is gone')
    cluster.run(10_000)
    const refused = cluster.failure(cluster.commit('a', id, { x: '2' }, { copies: 2 }))
    assert.equal(refused.code, 'NOT_ENOUGH_HOLDERS')
    assert.equal(cluster.result(cluster.commit('a', id, { x: '3' }, { copies: 1 })).kind, 'written')
  })

  it('would say that it is a copy without the rule', () => {
    const cluster = Cluster.ready({ nodes: 3 })
    cluster.join('r', { ...ALL, planted: new Set(['repository-beside']) })
    cluster.until(() => cluster.isSettled(), 'all ready')
    cluster.establish('a', idInShard(SHARD), { x: '1' })
    cluster.run(1_000)
    const acks = cluster.sentOf('ack').filter(({ from }) => from === 'r')
    assert(acks.some(({ message }) => message.positions.some(({ ready }) => ready)))
  })

  it('does not count in a check, and is not waited for', () => {
    const cluster = clusterWith({ r: allShards() })
    cluster.establish('a', idInShard(SHARD), { x: '1' })
    cluster.run(2_000)
    const report = cluster.report(cluster.check('a'))
    assert.equal(report.verdict, 'ok')
    assert(report.shards.every(({ readyHolders }) => readyHolders.length === 3))
    assert.equal(cluster.report(cluster.check('r')).verdict, 'ok')
    cluster.freeze('r')
    assert.equal(cluster.report(cluster.check('a')).verdict, 'ok')
  })

  it('answers who looks for a session that its holders had no room for', () => {
    const cluster = clusterWith({ repository: allShards() }, 24_000)
    const ids = Array.from({ length: 40 }, (_, n) => idInShard(n))
    for (const id of ids) cluster.establish('a', id, smallPortions(2_000))
    cluster.run(1_000)
    const evicted = ids.filter((id) => ['a', 'b', 'c'].every((node) => !cluster.nodesWith(id).includes(node)))
    assert(evicted.length > 5, `${evicted.length} are nowhere else`)
    for (const id of evicted.slice(0, 5)) {
      assert.equal(cluster.outcome(cluster.resume('b', id)).outcome, 'complete')
    }
    cluster.sent.length = 0
    const any = evicted[5] as string
    assert.equal(cluster.outcome(cluster.resume('b', any, { consistency: 'any' })).outcome, 'complete')
    // Who knows that it was evicted does not ask those first who may have done the same.
    assert.equal(cluster.sentOf('pull')[0]?.to, 'repository')
  })

  it('hands over nothing when it leaves, and nobody waits for it', () => {
    const cluster = clusterWith({ r: allShards() })
    cluster.establish('a', idInShard(SHARD), { x: '1' })
    cluster.step('r', { type: 'leave' })
    cluster.run(100)
    assert.deepEqual(cluster.replica('r').owedShards, [])
    assert.equal(cluster.replica('r').owesAnything, false)
    assert.equal(cluster.replica('r').shardState(SHARD), 'ready')
    cluster.step('r', { type: 'goodbye' })
    assert.deepEqual(cluster.noticesOf('handover:incomplete'), [])
  })

  it('does not stand in for a successor: a holder that leaves hands over to holders', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    cluster.join('r', ALL)
    cluster.until(() => cluster.isSettled(), 'all ready')
    const id = idInShard(SHARD)
    cluster.establish('a', id, { x: '1' })
    const leaver = cluster.holdersOf(id)[0] as string
    cluster.step(leaver, { type: 'leave' })
    cluster.until(() => !cluster.replica(leaver).owesAnything, 'handed over')
    const holders = ['a', 'b', 'c', 'd'].filter((node) => node !== leaver)
    for (const node of holders) assert.equal(cluster.replica(node).shardState(SHARD), 'ready')
  })

  it('is none for a member of wire 1 either', () => {
    const cluster = Cluster.ready({ nodes: 3, wire: (a, b) => (a === 'a' || b === 'a' ? 1 : 2) })
    cluster.join('r', ALL)
    cluster.until(() => cluster.isSettled(), 'all ready')
    const id = idInShard(SHARD)
    cluster.establish('a', id, { x: '1' })
    cluster.run(1_000)
    assert.deepEqual(texts(cluster.record('r', id)), { x: '1' })
    const acks = cluster.sentOf('ack').filter(({ from, to }) => from === 'r' && to === 'a')
    assert(acks.length > 0)
    assert(acks.every(({ message }) => message.positions.every(({ ready }) => !ready)))
    assert.deepEqual(cluster.replica('a').status().shards[SHARD]?.holders.includes('r'), false)
  })
})

describe('[R14] a cluster that starts from nothing but a repository’s disk', () => {
  function beforeTheEnd(): { cluster: Cluster; ids: readonly string[] } {
    const cluster = clusterWith({ r: allShards() })
    const ids = [3, 20, 40, 63].map((shard) => idInShard(shard))
    for (const id of ids) cluster.establish('a', id, { x: id })
    cluster.run(1_000)
    return { cluster, ids }
  }

  it('has every session back at its holders, before anybody says that there is none', () => {
    const { cluster: before, ids } = beforeTheEnd()
    const cluster = restarted(diskOf(before.replica('r'), before.nowMs))
    const asked = new Set<string>()
    while (!cluster.isSettled()) {
      cluster.run(5)
      for (const node of ['a', 'b', 'c']) {
        for (const id of ids) {
          if (cluster.replica(node).shardState(shardOf(id)) !== 'ready') continue
          asked.add(node)
          assert.deepEqual(texts(cluster.record(node, id)), { x: id })
        }
      }
      assert(cluster.nowMs < 30_000, 'ready in time')
    }
    assert.equal(asked.size, 3)
    cluster.run(2_000)
    assert.equal(cluster.report(cluster.check('a')).verdict, 'ok')
    // And it goes on: the next write is above all that was stored.
    for (const id of ids) {
      assert.equal(cluster.outcome(cluster.resume('b', id)).outcome, 'complete')
      cluster.written(cluster.commit('b', id, { x: 'next' }, { copies: 2 }))
      assert.deepEqual(texts(cluster.record('c', id)), { x: 'next' })
    }
  })

  it('without the rule, a holder takes the shard for empty', () => {
    const { cluster: before, ids } = beforeTheEnd()
    const disk = diskOf(before.replica('r'), before.nowMs)
    const cluster = new Cluster()
    const planted = new Set(['repository-source'])
    for (const node of ['r', 'a', 'b', 'c']) cluster.start(node, node === 'r' ? { ...ALL, planted } : { planted })
    cluster.step('r', { type: 'load', records: disk(0, 0) })
    for (const a of cluster.nodes) for (const b of cluster.nodes) if (a < b) cluster.connect(a, b)
    const id = ids[0] as string
    cluster.until(() => cluster.replica('a').shardState(shardOf(id)) === 'ready', 'ready')
    assert.deepEqual(cluster.nodesWith(id), ['r'])
  })

  it('[E3] what ended while nobody ran is gone, and the rest ends that much sooner', () => {
    const { cluster: before, ids } = beforeTheEnd()
    const disk = diskOf(before.replica('r'), before.nowMs)
    const id = ids[0] as string
    const left = before.record('r', id).expiry.idleAtMs - before.nowMs
    const late = restarted(disk, left + 1)
    late.until(() => late.isSettled(), 'ready')
    for (const each of ids) assert.equal(late.outcome(late.resume('a', each)).outcome, 'absent')

    const soon = restarted(disk, left - 20_000)
    soon.until(() => soon.isSettled(), 'ready')
    const until = soon.record('a', id).expiry.idleAtMs
    assert(until <= 20_100 && until > 19_000, `${until}`)
    soon.run(20_100)
    assert.equal(soon.outcome(soon.resume('b', id)).outcome, 'absent')
  })

  it('what was dropped stays dropped, and an earlier life stays dropped under a later one', () => {
    const { cluster: before, ids } = beforeTheEnd()
    const [gone, again] = ids as [string, string]
    const oldBirth = before.birth('a', again)
    const oldRecord = before.record('a', again)
    for (const id of [gone, again]) before.result(before.drop('a', id, { copies: 2 }))
    before.run(500)
    before.establish('a', again, { x: 'later' })
    before.run(1_000)
    const cluster = restarted(diskOf(before.replica('r'), before.nowMs))
    cluster.until(() => cluster.isSettled(), 'ready')
    assert.equal(cluster.outcome(cluster.resume('b', gone)).outcome, 'absent')
    assert.deepEqual(texts(cluster.record('b', again)), { x: 'later' })
    assert.deepEqual(cluster.replica('b').table.peek(keyOf(again))?.floor?.birth, oldBirth)
    // A copy from before the drop comes back, after the later life was dropped as well.
    cluster.result(cluster.drop('b', again, { copies: 2 }))
    cluster.hear('c', 'a', { type: 'push', records: [{ key: keyOf(again), record: oldRecord }] })
    cluster.run(1_000)
    assert.equal(cluster.outcome(cluster.resume('c', again)).outcome, 'absent')
  })

  it('two repositories that each have what the other lacks fill the cluster with both', () => {
    const { cluster: before, ids } = beforeTheEnd()
    const records = diskOf(before.replica('r'), before.nowMs)(0, 0)
    const cluster = new Cluster()
    for (const node of ['q', 'r', 'a', 'b']) {
      cluster.start(node, node > 'd' ? { ...ALL, incarnation: 2 } : { incarnation: 2 })
    }
    cluster.step('r', { type: 'load', records: records.slice(0, 2) })
    cluster.step('q', { type: 'load', records: records.slice(2) })
    for (const a of cluster.nodes) for (const b of cluster.nodes) if (a < b) cluster.connect(a, b)
    cluster.until(() => cluster.isSettled(), 'ready')
    for (const id of ids) assert.deepEqual(cluster.nodesWith(id).sort(), ['a', 'b', 'q', 'r'])
  })
})

describe('[R14] what a repository has still to write', () => {
  it('is what changed, each key once, and nothing that was just read', () => {
    const cluster = clusterWith({ r: [SHARD] })
    const [mine, other] = [idInShard(SHARD), idInShard(SHARD + 1)]
    cluster.establish('a', mine, { x: '1' })
    cluster.establish('a', other, { x: '1' })
    cluster.written(cluster.commit('a', mine, { x: '2' }, { copies: 2 }))
    cluster.run(500)
    // The repository looks at the other session too, and keeps it as any node does, in memory.
    cluster.outcome(cluster.resume('r', other))
    const { changes } = cluster.replica('r')
    assert.equal(changes?.size, 1)
    assert.deepEqual(changes?.take(10)?.keys, [keyOf(mine)])

    const again = restarted(diskOf(cluster.replica('r'), cluster.nowMs))
    assert.equal(again.replica('r').changes?.size, 0)
  })

  it('is what ended meanwhile, too', () => {
    const cluster = clusterWith({ r: allShards() })
    cluster.establish('a', idInShard(SHARD), { x: '1' })
    cluster.run(500)
    const disk = diskOf(cluster.replica('r'), cluster.nowMs)
    assert.equal(restarted(disk, 3_600_000).replica('r').changes?.size, 1)
  })

  it('is nothing of a node that is no repository', () => {
    assert.equal(Cluster.ready().replica(nodeName(0)).changes, undefined)
  })

  it('steps without an effect on anybody when it reads its disk', () => {
    const cluster = clusterWith({ r: allShards() })
    cluster.establish('a', idInShard(SHARD), { x: '1' })
    const records = diskOf(cluster.replica('r'), cluster.nowMs)(0, 0)
    const fresh = new Cluster().start('r', ALL)
    const out = new Outbox()
    fresh.step({ type: 'load', records }, { nowMs: 0, wallMs: 0 }, out)
    const { sends, publishes, subscribe } = out.drain()
    assert.deepEqual([sends.length, publishes.length, subscribe.length], [0, 0, 0])
  })
})
