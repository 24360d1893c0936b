import assert from 'node:assert/strict'
import { ALONE_MS, COLD_START_MS_MAX, FORGET_MS } from '../../src/constants.ts'
import type { EarlierMember } from '../../src/context.ts'
import { Cluster, idInShard, texts } from '../support/cluster.ts'

const known = (...nodes: string[]): { earlierMembers: EarlierMember[]; incarnation: number } => ({
  earlierMembers: nodes.map((node) => ({ node, addresses: [`/at/${node}`] })),
  incarnation: 2,
})

/** A cluster of a, b and c in which a and b start again empty, and do not reach c. */
function survivorOutOfReach(): { cluster: Cluster; id: string } {
  const cluster = Cluster.ready()
  const id = idInShard(7)
  cluster.establish('c', id, { x: '1' })
  for (const node of ['a', 'b']) cluster.crash(node)
  for (const node of ['a', 'b']) cluster.start(node, known('a', 'b', 'c'))
  cluster.connect('a', 'b')
  return { cluster, id }
}

describe('[rule P4] a cold start', () => {
  it('waits for a member of the earlier life that is missing, and says that it does not know', () => {
    const { cluster, id } = survivorOutOfReach()
    const startMs = cluster.nowMs
    cluster.run(ALONE_MS + 500)
    for (const node of ['a', 'b']) {
      assert.equal(cluster.replica(node).isReady, false)
      assert.equal(cluster.outcome(cluster.resume(node, id)).outcome, 'unknown')
    }
    cluster.until(() => ['a', 'b'].every((node) => cluster.replica(node).isReady), 'they go on without it')
    assert(cluster.nowMs - startMs <= 2 * ALONE_MS + 200)
    assert.deepEqual(
      cluster.noticesOf('members:missing').map(({ node, notice }) => [node, notice.nodes]),
      [
        ['a', ['c']],
        ['b', ['c']],
      ],
    )
  })

  it('is none any more when the survivor is reached in time', () => {
    const { cluster, id } = survivorOutOfReach()
    cluster.run(ALONE_MS)
    for (const node of ['a', 'b']) cluster.connect(node, 'c')
    cluster.until(() => cluster.isSettled(), 'all there')
    for (const node of ['a', 'b']) assert.deepEqual(texts(cluster.record(node, id)), { x: '1' })
    assert.deepEqual(cluster.noticesOf('members:missing'), [])
  })

  it('begins at once when everybody of the earlier life is there, or has left', () => {
    const cluster = new Cluster()
    for (const node of ['a', 'b', 'c']) cluster.start(node, known('a', 'b', 'c'))
    for (const [a, b] of [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c'],
    ] as const)
      cluster.connect(a, b)
    cluster.until(() => cluster.isSettled(), 'ready', ALONE_MS / 2)

    const other = new Cluster()
    other.start('a', known('b', 'd'))
    other.start('b', known('a', 'd'))
    other.connect('a', 'b')
    other.run(50)
    assert.equal(other.replica('a').isReady, false)
    const left = { node: 'd', incarnation: 1, state: 'left' as const, name: '', zone: '', weight: 1, addresses: [] }
    other.hear('a', 'b', { type: 'members', members: [left] })
    other.hear('b', 'a', { type: 'members', members: [left] })
    other.until(() => other.isSettled(), 'd is not waited for', 500)
  })

  it('does not hold up a restart where there is somebody to sync from', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const id = idInShard(7)
    cluster.establish('a', id, { x: '1' })
    cluster.crash('d')
    cluster.crash('c')
    cluster.join('c', known('a', 'b', 'd'))
    // As long as for any member that others speak of, and no longer.
    cluster.until(() => cluster.replica('c').isReady, 'c is ready', ALONE_MS + 500)
    assert.deepEqual(cluster.noticesOf('members:missing'), [])
  })

  it('never waits for ever, however many are missing', () => {
    const cluster = new Cluster()
    cluster.start('a', known(...Array.from({ length: 40 }, (_, n) => `gone-${n}`)))
    cluster.run(COLD_START_MS_MAX - 200)
    assert.equal(cluster.replica('a').isReady, false)
    cluster.run(400)
    assert.equal(cluster.replica('a').isReady, true)
  })

  it('dials who was there before where it was, and forgets it in time', () => {
    const cluster = new Cluster()
    cluster.start('a', known('a', 'b'))
    cluster.run(10)
    assert.deepEqual([...(cluster.dialLists.get('a') ?? [])], [['b', ['/at/b']]])
    cluster.run(FORGET_MS + 2_000)
    assert.deepEqual([...(cluster.dialLists.get('a') ?? [])], [])
  })
})
