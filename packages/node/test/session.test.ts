import assert from 'node:assert/strict'
import type { LiveRecord, SessionKey } from '@reprise/core'
import type { Change, Committed, SessionOwner } from '../src/session.ts'
import { commitNow, NodeSession } from '../src/session.ts'

const KEY = 'cart-17' as SessionKey
const tenure = { epoch: 1, node: 'a', incarnation: 1 }

function recordOf(portions: ReadonlyMap<string, Change>, seq: number): LiveRecord {
  const version = { tenure, seq }
  const values = [...portions].map(([name, { encoded }]) => [name, { version, value: encoded }] as const)
  const expiry = { version, idleMs: 1_000, idleAtMs: 1_000, absoluteAtMs: 1_000 }
  return { kind: 'live', birth: { generation: 1, random: 1 }, frontier: [version], portions: new Map(values), expiry }
}

/** A node whose commits end when the test wants. */
class SlowOwner implements SessionOwner {
  readonly nodeId = 'a'
  readonly sealer = undefined
  readonly commits: { changes: ReadonlyMap<string, Change>; end: () => void; fail: () => void }[] = []

  nowMs(): number {
    return 0
  }
  commit(_key: SessionKey, _record: LiveRecord, changes: ReadonlyMap<string, Change>): Promise<Committed> {
    const { promise, resolve, reject } = Promise.withResolvers<Committed>()
    const record = recordOf(changes, this.commits.length + 1)
    const proof = { birth: record.birth, version: record.frontier[0] as LiveRecord['frontier'][number] }
    this.commits.push({ changes, end: () => resolve({ record, proof }), fail: () => reject(new Error('refused')) })
    return promise
  }
  touch(): void {}
  async drop(): Promise<void> {}

  names(commit: number): string[] {
    return [...(this.commits[commit]?.changes.keys() ?? [])]
  }
}

describe('changes of a session', () => {
  const start = (): { owner: SlowOwner; session: NodeSession } => {
    const owner = new SlowOwner()
    return { owner, session: new NodeSession(owner, KEY, recordOf(new Map(), 1)) }
  }

  it('that are made while a commit is under way are for the next one, and it goes with what it had', async () => {
    const { owner, session } = start()
    session.set('a', 1)
    const first = session.commit()
    session.set('b', 2)
    session.delete('a')
    assert.deepEqual(owner.names(0), ['a'])
    owner.commits[0]?.end()
    await first
    assert.equal(session.get('a'), 1)
    assert.equal(session.get('b'), 2)
    const second = session.commit()
    assert.deepEqual(owner.names(1), ['b'])
    owner.commits[1]?.end()
    await second
    const third = session.commit()
    assert.deepEqual(owner.names(2), [])
    owner.commits[2]?.end()
    await third
  })

  it('are committed by `commitNow` when its promise says so, if it does not end within the call', async () => {
    const { owner, session } = start()
    session.set('a', 1)
    const first = commitNow(session)
    session.set('b', 2)
    owner.commits[0]?.end()
    assert.equal(await first, undefined)
    const second = commitNow(session)
    assert.deepEqual(owner.names(1), ['b'])
    owner.commits[1]?.fail()
    await assert.rejects(async () => await second, /refused/)
  })

  it('stay when a commit fails, and go with the next one', async () => {
    const { owner, session } = start()
    session.set('a', 1)
    const first = session.commit()
    owner.commits[0]?.fail()
    await assert.rejects(first, /refused/)
    assert.equal(session.get('a'), 1)
    session.set('b', 2)
    assert.deepEqual(owner.names(0), ['a'])
    void session.commit()
    assert.deepEqual(owner.names(1), ['a', 'b'])
  })

  it('go with every commit that is begun before the first one has ended, and are over when it has', async () => {
    const { owner, session } = start()
    session.set('a', 1)
    const first = session.commit()
    session.set('b', 2)
    const second = session.commit()
    assert.deepEqual(owner.names(1), ['a', 'b'])
    owner.commits[0]?.end()
    await first
    assert.deepEqual(owner.names(1), ['a', 'b'])
    owner.commits[1]?.end()
    await second
    void session.commit()
    assert.deepEqual(owner.names(2), [])
  })
})
