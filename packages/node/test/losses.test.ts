/** Loss between real nodes: what the transport does not promise, the streams repair. */
import assert from 'node:assert/strict'
import { FRAME_ID_BYTES, SHARD_COUNT } from '@reprise/core'
import type { Node } from '@reprise/node'
import { createNetwork } from '@reprise/p2p'
import { createClock } from '../src/clock.ts'
import { nodeOn } from '../src/create-node.ts'
import { resolveOptions } from '../src/options.ts'
import { until } from './support/cluster.ts'
import { LossyNetwork } from './support/lossy-network.ts'

interface Member {
  readonly node: Node
  readonly network: LossyNetwork
}

const members: Member[] = []

/** Members that all hold everything, each on a network that may lose. */
async function start(count: number, carrier: 'gossip' | 'direct'): Promise<Member[]> {
  for (let n = 0; n < count; n++) {
    const join = members[0]?.node.addresses ?? []
    const frameId = (frame: Uint8Array): Uint8Array => frame.subarray(0, FRAME_ID_BYTES)
    const network = new LossyNetwork(await createNetwork({ shardCount: SHARD_COUNT, join, frameId, carrier }))
    const node = await nodeOn(network, resolveOptions({ join, copies: 'all' }), createClock(), undefined)
    members.push({ node, network })
    await node.start()
  }
  const signal = AbortSignal.timeout(15_000)
  await Promise.all(members.map(({ node }) => node.whenReady({ members: count, signal })))
  return members
}

for (const carrier of ['gossip', 'direct'] as const) {
  describe(`nodes that lose frames, carried by ${carrier}`, function () {
    this.timeout(30_000)
    afterEach(() => Promise.all(members.splice(0).map(({ node }) => node.stop())))

    it('[R11] [pitfall 5] [pitfall 10] [pitfall 15] repair what all lost on the way, and one after it came, without publishing it again', async () => {
      const [writer, dropping, ...others] = (await start(4, carrier)) as [Member, Member, ...Member[]]
      writer.network.isLost = (n) => n % 4 === 0
      dropping.network.isDropped = (n) => n % 3 === 0
      const count = 60
      for (let n = 0; n < count; n++) {
        const session = await writer.node.create(`lost-${n}`, { assumeNew: true })
        session.set('n', n)
        // Confirmed by all: the last frame of a shard, which no other follows, is no exception.
        await session.commit({ copies: members.length - 1 })
      }
      assert.ok(writer.network.published.length >= count)
      for (const { node } of [dropping, ...others]) {
        for (let n = 0; n < count; n++) {
          const resumed = await node.resume(`lost-${n}`, { consistency: 'any' })
          assert.ok(resumed.outcome === 'complete' && resumed.origin.kind === 'local', `${n}: ${resumed.outcome}`)
          assert.equal(resumed.get('n'), n)
        }
      }

      // Gossip would swallow a frame that it has seen: what is sent again must go another way.
      const ids = writer.network.published.map((frame) =>
        Buffer.from(frame.subarray(0, FRAME_ID_BYTES)).toString('hex'),
      )
      assert.equal(new Set(ids).size, ids.length)
      const lost = Math.floor(ids.length / 4)
      const { repairs } = writer.node.status().streams
      assert.ok(repairs > lost && dropping.network.dropped > 0, `${repairs} repairs of ${lost} lost frames`)
      await until(() => members.every(({ node }) => node.status().streams.gaps === 0))
    })
  })
}
