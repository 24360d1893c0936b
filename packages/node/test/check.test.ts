/** `node.check()` between real nodes: whether all copies are there and equal. */
import assert from 'node:assert/strict'
import type { CheckReport } from '@reprise/core'
import { bucketOf, FRAME_ID_BYTES, loadKeyHash, Replica, SHARD_COUNT, toSessionKey } from '@reprise/core'
import { Node, StoppedError, UsageError } from '@reprise/node'
import { createNetwork } from '@reprise/p2p'
import { createClock } from '../src/clock.ts'
import { resolveOptions } from '../src/options.ts'
import { startCluster, startDoomed, startNode, stopAll, until } from './support/cluster.ts'

describe('a check', function () {
  this.timeout(60_000)
  this.slow(10_000)
  const opened: Node[] = []
  afterEach(() => Promise.all([stopAll(), ...opened.splice(0).map((node) => node.stop())]))

  it('[R5] says ok of three equal nodes, whoever asks', async () => {
    const nodes = (await startCluster(3)) as [Node, Node, Node]
    await write(nodes[0], 60)
    for (const node of nodes) {
      const report = await node.check()
      assert.deepEqual(report, {
        verdict: 'ok',
        members: { alive: 3, suspect: 0, leaving: 0, silent: [], unasked: [] },
        shards: [],
        checkedShards: SHARD_COUNT,
        reasons: [],
      })
      const { shards } = await node.check({ allShards: true })
      const holders = nodes.map(({ nodeId }) => nodeId).sort()
      for (const { readyHolders, wanted } of shards) assert.deepEqual([wanted, readyHolders], [3, holders])
    }
  })

  it('[R5] names a member that stands still, within its deadline, and is not ok', async () => {
    const nodes = (await startCluster(2)) as [Node, Node]
    const doomed = await startDoomed(nodes)
    const [node] = nodes
    const { nodeId } = node.status().members.find(({ name }) => name === 'doomed') ?? assert.fail('nobody is doomed')
    assert.equal((await node.check()).verdict, 'ok')
    doomed.freeze()
    const report = await node.check({ deadlineMs: 1_000 })
    doomed.thaw()
    assert.equal(report.verdict, 'warning')
    assert.deepEqual(report.members.silent, [nodeId])
    assert.equal(report.shards.length, SHARD_COUNT)
    for (const { silent, readyHolders } of report.shards) assert.deepEqual([silent, readyHolders.length], [[nodeId], 2])
    assert.ok(report.reasons.includes('doomed did not answer'))
  })

  it('[R5] is not ok when one of three is killed, and stays so with two', async () => {
    const nodes = (await startCluster(2)) as [Node, Node]
    const doomed = await startDoomed(nodes)
    await doomed.kill()
    assert.equal((await nodes[1].check({ deadlineMs: 1_000 })).verdict, 'warning')
    await until(() => nodes[1].aliveMembers().length === 2)
    assert.equal((await nodes[1].check({ deadlineMs: 1_000 })).verdict, 'warning')
  })

  it('[R5] finds a copy that lost a session and does not know it', async () => {
    const nodes = (await startCluster(2)) as [Node, Node]
    const { node: third, replica } = await startOpened(nodes[0])
    opened.push(third)
    await Promise.all([...nodes, third].map((node) => node.whenReady({ members: 3 })))
    await write(nodes[0], 30)
    assert.equal((await nodes[1].check()).verdict, 'ok')
    const key = toSessionKey('checked-7')
    replica.table.delete(key)
    for (const node of [nodes[1], third]) {
      const report = await node.check()
      assert.equal(report.verdict, 'critical')
      const bucket = bucketOf((await loadKeyHash())(key))
      assert.deepEqual(differing(report), [{ bucket, holders: [third.nodeId] }])
    }
  })

  it('[R5] raises no alarm while everybody writes', async () => {
    const nodes = (await startCluster(3)) as [Node, Node, Node]
    let isWriting = true
    const writers = nodes.map(async (node, n) => {
      const sessions = await Promise.all(
        Array.from({ length: 40 }, (_, i) => node.create(`busy-${n}-${i}`, { assumeNew: true })),
      )
      for (let i = 0; isWriting; i++) {
        const session = sessions[i % sessions.length] ?? assert.fail()
        session.set('n', i)
        await session.commit({ copies: i % 3 === 0 ? 1 : 0 })
        if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
      }
    })
    try {
      for (let i = 0; i < 8; i++) {
        const report = await (nodes[i % 3] as Node).check()
        assert.deepEqual([report.verdict, report.reasons], ['ok', []])
      }
    } finally {
      isWriting = false
    }
    await Promise.all(writers)
  })

  it('[R5] warns of a node by itself, unless it shall have no copies', async () => {
    const alone = await startNode()
    const report = await alone.check()
    assert.equal(report.verdict, 'warning')
    assert.match(report.reasons.join('\n'), /^not enough holders: 64 shards with 1 of 3 ready/)
    assert.equal((await (await startNode({ copies: 0 })).check()).verdict, 'ok')
  })

  it('is refused with a deadline that is none, given up, and ended by a stop', async () => {
    const nodes = (await startCluster(2)) as [Node, Node]
    const doomed = await startDoomed(nodes)
    const [node] = nodes
    await assert.rejects(node.check({ deadlineMs: 0 }), UsageError)
    await assert.rejects(node.check({ deadlineMs: 60_000 }), UsageError)
    doomed.freeze()
    await assert.rejects(node.check({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
    const waiting = node.check({ deadlineMs: 30_000 })
    await Promise.all([assert.rejects(waiting, StoppedError), doomed.kill(), node.stop()])
    await assert.rejects(node.check(), StoppedError)
  })
})

async function write(node: Node, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const session = await node.create(`checked-${i}`, { assumeNew: true })
    session.set('n', i)
    await session.commit({ copies: 2 })
  }
}

/** A member whose memory a test may meddle with. */
async function startOpened(first: Node): Promise<{ node: Node; replica: Replica }> {
  const options = resolveOptions({ secret: 'the secret of a cluster in a test', join: first.addresses })
  const { join, secret, cluster } = options
  const frameId = (frame: Uint8Array): Uint8Array => frame.subarray(0, FRAME_ID_BYTES)
  const network = await createNetwork({ shardCount: SHARD_COUNT, join, secret, clusterName: cluster, frameId })
  const clock = createClock()
  const now = clock.now()
  const incarnation = Math.floor(now.wallMs)
  const { nodeId } = network
  const replica = new Replica({ nodeId, incarnation, keyHash: await loadKeyHash(), seed: 1, expectPeers: true }, now)
  const node = new Node({ options, clock, network, replica, dataDir: undefined, sealer: undefined })
  await node.start()
  return { node, replica }
}

function differing({ shards }: CheckReport): { bucket: number; holders: readonly string[] }[] {
  return shards.flatMap(({ divergent }) => divergent)
}
