import assert from 'node:assert/strict'
import type { Snapshot } from '../page/snapshot.ts'
import { verdictOf, wantedHolders } from '../page/verdict.ts'
import { snapshotOf } from './support/snapshot.ts'

describe('verdict', () => {
  const level = (snapshot: Snapshot, link: 'live' | 'lost' = 'live'): string => verdictOf(link, snapshot).level

  it('is ok when every shard has all its ready holders', () => {
    assert.equal(level(snapshotOf()), 'ok')
  })

  it('[R5] is a warning when a shard is short of holders, and critical when it has none', () => {
    const shards = (ready: readonly string[]): Partial<Snapshot['node']> => ({
      shards: [{ shard: 0, holders: ['a', 'b', 'c'], readyHolders: ready, state: 'ready', clean: true }],
    })
    assert.equal(level(snapshotOf(shards(['a', 'b', 'c']))), 'ok')
    assert.equal(level(snapshotOf(shards(['a', 'b']))), 'warning')
    assert.equal(level(snapshotOf(shards([]))), 'critical')
  })

  it('wants everybody where copies is all', () => {
    assert.equal(wantedHolders(snapshotOf({ copies: 2 })), 3)
    assert.equal(wantedHolders(snapshotOf({ copies: 'all' })), 3)
  })

  it('says that a member is not heard, by name', () => {
    const [first, ...rest] = snapshotOf().node.members
    assert.ok(first)
    const { level, text } = verdictOf('live', snapshotOf({ members: [{ ...first, state: 'suspect' }, ...rest] }))
    assert.equal(level, 'warning')
    assert.match(text, /node-b not heard/)
  })

  it('does not call an old picture ok', () => {
    assert.equal(level(snapshotOf(), 'lost'), 'critical')
    assert.equal(verdictOf('connecting', undefined).level, 'unknown')
    assert.match(verdictOf('refused', undefined).text, /#token=/)
  })
})
