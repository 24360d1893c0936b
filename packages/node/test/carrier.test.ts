import assert from 'node:assert/strict'
import { createNode, type Node } from '../src/index.ts'

const nodes: Node[] = []

const start = async (carrier: 'gossip' | 'direct', join: readonly string[] = []): Promise<Node> => {
  const node = await createNode({ carrier, join, readyMs: 0 })
  nodes.push(node)
  return node
}

describe('a cluster of nodes with different carriers', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()))
  })

  it('[R10] [R12] confirms copies of what each of them writes', async () => {
    const first = await start('direct')
    const all = [first, await start('gossip', first.addresses), await start('direct', first.addresses)]
    for (const node of all) await node.whenReady({ members: 3 })
    for (const [i, node] of all.entries()) {
      const session = await node.create(`session-${i}`)
      session.set('basket', `of ${i}`)
      await session.commit({ copies: 2, deadlineMs: 10_000 })
      for (const other of all) {
        const resumed = await other.resume(`session-${i}`)
        assert(resumed.outcome === 'complete')
        assert.equal(resumed.get('basket'), `of ${i}`)
      }
    }
  })

  it('[R11] more writes at once than the window holds wait for room, and all arrive', async () => {
    const first = await start('direct')
    const second = await start('gossip', first.addresses)
    for (const node of [first, second]) await node.whenReady({ members: 2 })
    const sessions = await Promise.all(
      Array.from({ length: 10_000 }, (_, n) => first.create(`session-${n}`, { assumeNew: true })),
    )
    for (const [n, session] of sessions.entries()) session.set('n', n)
    const commits = await Promise.allSettled(sessions.map((session) => session.commit({ deadlineMs: 15_000 })))
    assert.deepEqual(
      commits.filter(({ status }) => status === 'rejected'),
      [],
    )
    const last = sessions.at(-1)
    last?.set('done', true)
    await last?.commit({ copies: 1, deadlineMs: 15_000 })
    const resumed = await second.resume('session-9998')
    assert(resumed.outcome === 'complete')
    assert.equal(resumed.get('n'), 9_998)
  })
})
