import assert from 'node:assert/strict'
import { AlreadyExistsError, inspectSession, type LatencyHistogram, recordMark, UsageError } from '@reprise/node'
import { StatsCounter } from '../src/stats.ts'
import { startCluster, startNode, stopAll, until } from './support/cluster.ts'

const total = ({ counts }: LatencyHistogram): number => counts.reduce((sum, count) => sum + count, 0)

describe('what a node counts', () => {
  afterEach(stopAll)

  it('resumes by outcome and source, creates, commits, touches, drops and looks', async () => {
    const node = await startNode()
    const session = await node.create('s')
    await assert.rejects(node.create('s'), AlreadyExistsError)
    session.set('n', 1)
    await session.commit()
    session.touch()
    await assert.rejects(session.commit({ copies: 3 }))
    assert(node.local('s') !== undefined)
    assert.equal(node.local('t'), undefined)
    assert.equal((await node.resume('s')).outcome, 'complete')
    assert.equal((await node.resume('t')).outcome, 'absent')
    await assert.rejects(node.resume(''), UsageError)
    await session.drop()

    const stats = node.stats()
    assert.deepEqual(stats.creates, { created: 1, exists: 1, failed: 0 })
    assert.deepEqual(stats.commits, { queued: 1, confirmed: 0, failed: 1 })
    assert.deepEqual(stats.drops, { dropped: 1, failed: 0 })
    assert.deepEqual(stats.resumes, { complete: 1, partial: 0, absent: 1, unknown: 0, failed: 0 })
    assert.deepEqual(stats.resumesFrom, { local: 1, peers: 0 })
    assert.deepEqual(stats.localReads, { hit: 1, miss: 1 })
    assert.equal(stats.touches, 1)
    assert.deepEqual([total(stats.resumeLatency), total(stats.commitLatency)], [2, 0])
    assert.equal(stats.events['shard:ready'], 64)
  })

  it('commits that waited for copies, with how long, and what came from others', async () => {
    const nodes = await startCluster(2)
    const [a, b] = nodes
    assert(a && b)
    const session = await a.create('s')
    session.set('n', 1)
    await session.commit({ copies: 1 })
    await b.resume('s')
    assert.deepEqual(a.stats().commits, { queued: 0, confirmed: 1, failed: 0 })
    assert.equal(total(a.stats().commitLatency), 1)
    const { local, peers } = b.stats().resumesFrom
    assert.equal(local + peers, 1)
    assert.equal(b.stats().events['member:up'], 1)
  })

  it('what is handed out does not change', async () => {
    const node = await startNode()
    const before = node.stats()
    await node.resume('s')
    assert.equal(before.resumes.absent, 0)
    assert.equal(total(before.resumeLatency), 0)
  })

  it('a latency in the bucket whose bound it does not exceed', () => {
    const counter = new StatsCounter()
    for (const ms of [0, 0.1, 0.11, 10_000, 10_001]) counter.resumed('absent', false, ms)
    const { boundsSeconds, counts, sumSeconds } = counter.snapshot().resumeLatency
    assert.equal(counts.length, boundsSeconds.length + 1)
    assert.deepEqual([counts[0], counts[1], counts.at(-2), counts.at(-1)], [2, 1, 1, 1])
    assert(Math.abs(sumSeconds - 20.00121) < 1e-9)
  })
})

describe('where a node is in its life', () => {
  afterEach(stopAll)

  it('ready when everything is here, draining from the call of stop on, stopped in the end', async () => {
    const node = await startNode()
    assert.equal(node.state, 'ready')
    const stopped = node.stop()
    assert.equal(node.state, 'draining')
    await stopped
    assert.equal(node.state, 'stopped')
  })

  it('starting while it waits for members that it was told of', async () => {
    const node = await startNode({ join: ['127.0.0.1:1'], readyMs: 0 })
    assert.equal(node.state, 'starting')
  })

  it('takes a shorter time to hand over for one end, and refuses a wrong one without ending', async () => {
    const node = await startNode()
    await assert.rejects(node.stop({ drainMs: -1 }), UsageError)
    assert.equal(node.state, 'ready')
    await node.stop({ drainMs: 0 })
    assert.equal(node.state, 'stopped')
  })
})

describe('what a node tells of itself', () => {
  afterEach(stopAll)

  it('how many copies it was told to keep, and what it remembers of dropped sessions', async () => {
    const [few, all] = [await startNode({ copies: 1 }), await startNode({ copies: 'all' })]
    assert.deepEqual([few.status().copies, all.status().copies], [1, 'all'])
    const session = await few.create('s')
    await session.commit()
    assert.equal(few.status().table.tombstones, 0)
    await session.drop()
    const { records, tombstones } = few.status().table
    assert.deepEqual([records, tombstones], [1, 1])
  })

  it('that a member is leaving', async () => {
    const [stays, goes] = await startCluster(2)
    assert(stays && goes)
    const states: unknown[] = []
    const note = (): unknown =>
      states.push(
        stays
          .status()
          .members.map(({ state }) => state)
          .join(),
      )
    stays.on('member:leaving', note)
    stays.on('member:down', note)
    await goes.stop()
    await until(() => states.length === 2)
    assert.deepEqual(states, ['leaving', 'left'])
  })
})

describe('what a session is kept as', () => {
  afterEach(stopAll)

  it('bytes and version of each portion, and both its deadlines', async () => {
    const node = await startNode()
    const session = await node.create('s', { idleMs: 10_000, absoluteMs: 60_000 })
    session.set('small', 'abc')
    session.set('gone', 1)
    await session.commit()
    session.delete('gone')
    session.set('large', new Uint8Array(5_000))
    await session.commit()
    const facts = inspectSession(session)
    assert(facts !== undefined)
    assert.deepEqual([...facts.portions.keys()].sort(), ['large', 'small'])
    assert.deepEqual(facts.portions.get('small'), { bytes: 6, version: `1.1@${node.nodeId}` })
    assert.deepEqual(facts.portions.get('large'), { bytes: 5_001, version: `1.2@${node.nodeId}` })
    assert(facts.idleMsLeft > 0 && facts.idleMsLeft <= 10_000)
    assert(facts.absoluteMsLeft > 10_000 && facts.absoluteMsLeft <= 60_000)
    assert.equal(facts.idleMs, 10_000)
    await session.commit({ idleMs: 30_000 })
    const changed = inspectSession(session)
    assert.equal(changed?.idleMs, 30_000)
    assert(changed.idleMsLeft > 10_000)
    await assert.rejects(session.commit({ idleMs: 0 }), UsageError)
  })

  it('marked: the same mark as long as nothing was written, another one after that', async () => {
    const node = await startNode()
    const markOf = (): number | undefined => {
      const view = node.local('s')
      return view && recordMark(view)
    }
    const session = await node.create('s')
    session.set('a', 'one')
    await session.commit()
    const first = markOf()
    assert(first !== undefined)
    assert.equal(markOf(), first)
    session.set('a', 'two')
    await session.commit()
    assert.notEqual(markOf(), first)
    const view = node.local('s')
    assert(view !== undefined)
    view.set('a', 'three')
    await view.commit()
    assert.equal(recordMark(view), undefined, 'what it shows now was not looked up')
  })
})
