import assert from 'node:assert/strict'
import { UsageError } from '@reprise/core'
import { createNetwork, generateIdentity, NETWORK_LIMITS, nodeIdOf } from '@reprise/p2p'
import { resolveLimits } from '../src/constants.ts'

describe('what a network is made of', () => {
  it('an identity is 68 bytes, and names the node', async () => {
    const { nodeId, privateKey } = await generateIdentity()
    assert.equal(privateKey.byteLength, 68)
    assert.equal(nodeIdOf(privateKey), nodeId)
    assert.equal((await createNetwork({ shardCount: 1, privateKey })).nodeId, nodeId)
    assert.throws(() => nodeIdOf(new Uint8Array(68)), UsageError)
  })

  it('limits are completed, and contradictions named', () => {
    assert.deepEqual(resolveLimits(), NETWORK_LIMITS)
    assert.equal(resolveLimits({ pingMs: 1_000 }).pingMs, 1_000)
    assert.throws(() => resolveLimits({ dialMs: 0 }), /dialMs/)
    assert.throws(() => resolveLimits({ dialMs: Number.NaN }), /dialMs/)
    assert.throws(
      () => resolveLimits({ controlMessageBytesMax: 64 * 2 ** 20 }),
      /controlBufferBytesMax.*largest message/,
    )
    assert.throws(() => resolveLimits({ silenceMs: 2_000 }), /silenceMs/)
    assert.throws(() => resolveLimits({ redialMinMs: 10_000 }), /redialMaxMs/)
  })

  const mistakes: [string, object][] = [
    ['no shards', { shardCount: 0 }],
    ['too many shards', { shardCount: 1025 }],
    ['half a shard', { shardCount: 1.5 }],
    ['a name with a slash', { clusterName: 'a/b' }],
    ['no name', { clusterName: '' }],
    ['a long name', { clusterName: 'n'.repeat(65) }],
    ['a key that is none', { privateKey: new Uint8Array(3) }],
    ['an address that is none', { listen: ['localhost:80'] }],
    ['a place that is none', { join: ['http://x'] }],
    ['an allowed member that is none', { allow: ['somebody'] }],
    ['a short secret', { secret: 'short' }],
  ]
  for (const [name, init] of mistakes) {
    it(`${name} is the caller's mistake`, async () => {
      await assert.rejects(createNetwork({ shardCount: 8, ...init }), UsageError)
    })
  }
})
