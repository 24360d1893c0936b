/** What a store does when the cluster cannot answer: on a node that says so. */
import assert from 'node:assert/strict'
import type { Resumed, ResumeOptions } from '@reprise/core'
import { RepriseStore, type StoreNode, StoreUnavailableError } from '@reprise/stores/express-session'
import { sessionWith } from './support/sessions.ts'

const ORIGIN = { kind: 'peers', peers: [], silent: ['somebody'] } as const

/** A node that nobody answers. */
class LonelyNode implements StoreNode {
  readonly nodeId = 'lonely'
  readonly deadlines: (number | undefined)[] = []
  created = 0

  async resume(_id: unknown, { deadlineMs }: ResumeOptions = {}): Promise<Resumed> {
    this.deadlines.push(deadlineMs)
    return { outcome: 'unknown', origin: ORIGIN }
  }

  async create(): Promise<never> {
    this.created++
    throw new Error('made')
  }

  aliveMembers(): readonly string[] {
    return [this.nodeId, 'somebody']
  }

  local(): undefined {
    return undefined
  }

  on(): void {}
}

describe('a store whose cluster does not answer', () => {
  it('fails what needs an answer with an error that says so, makes nothing for it, and gave each question a deadline', async () => {
    const node = new LonelyNode()
    const store = new RepriseStore({ node, deadlineMs: 70, tag: (session) => session.user })
    const session = sessionWith()
    const calls = [
      () => store.get('a'),
      () => store.touch('a', session),
      () => store.all(),
      () => store.length(),
      () => store.ids(),
      () => store.clear(),
      () => store.listByTag('ada'),
      () => store.dropByTag('ada'),
    ]
    for (const call of calls) {
      await assert.rejects(call, (error) => error instanceof StoreUnavailableError && error.statusCode === 503)
    }
    assert.equal(node.created, 0)
    assert(node.deadlines.length >= calls.length)
    for (const deadlineMs of node.deadlines) assert.equal(deadlineMs, 70)
  })

  it('takes the client for a new one if it is told to', async () => {
    const store = new RepriseStore({ node: new LonelyNode(), onUnavailable: 'anonymous' })
    assert.equal(await store.get('a'), null)
  })

  it('makes new sessions without asking, and ends one that may be there by a new life', async () => {
    const node = new LonelyNode()
    const store = new RepriseStore({ node })
    await assert.rejects(store.set('a', sessionWith()), { message: 'made' })
    assert.deepEqual([node.created, node.deadlines.length], [1, 0])
    await assert.rejects(store.destroy('a'), { message: 'made' })
    assert.equal(node.created, 2)
  })

  it('takes no session of which something is missing for a whole one', async () => {
    const node = new LonelyNode()
    const partial = { outcome: 'partial', missing: ['.cart'], origin: ORIGIN, portions: [], remainingMs: 1_000 }
    node.resume = async () => partial as unknown as Resumed
    await assert.rejects(new RepriseStore({ node }).get('a'), StoreUnavailableError)
  })
})
