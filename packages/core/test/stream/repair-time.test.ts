/**
 * How long a loss lasts: from the moment in which a receiver can know that a frame is missing, to the moment in which it is
 * here. In virtual time, so the bound is one of the protocol and holds on any machine.
 */
import assert from 'node:assert/strict'
import type { FrameHeader } from '../../src/wire/frame.ts'
import { decodeFrame } from '../../src/wire/frame.ts'
import type { Delivery } from '../support/cluster.ts'
import { Cluster, idInShard } from '../support/cluster.ts'

const SHARDS = 16
const WRITES_PER_SHARD = 400
const LOSS_RATE = 0.05
/** What the bound allows beside two round trips. */
const SLACK_MS = 5

describe('the time of a repair', function () {
  this.timeout(30_000)
  this.slow(10_000)

  for (const latencyMs of [1, 5, 20, 50]) {
    it(`[R11] p99 is two round trips and 5 ms at most, with 5 % of frames lost and ${2 * latencyMs} ms a round trip`, () => {
      const cluster = Cluster.ready({ latencyMs })
      // Until the round trip is known, which heartbeats measure.
      cluster.run(10_000)
      const ids = Array.from({ length: SHARDS }, (_, shard) => idInShard(shard))
      for (const id of ids) cluster.establish('a', id, { count: '0' })
      const random = generator(latencyMs)
      cluster.fate = ({ carrier }) => (carrier === 'frame' && random() < LOSS_RATE ? 'lose' : undefined)
      cluster.notices.length = 0
      for (let n = 1; n <= WRITES_PER_SHARD; n++) {
        for (const id of ids) {
          cluster.commit('a', id, { count: String(n) })
          cluster.run(1)
        }
      }
      cluster.run(5_000)

      const durationsMs = repairTimes(cluster).sort((a, b) => a - b)
      const p99Ms = durationsMs[Math.floor(durationsMs.length * 0.99)] as number
      assert.ok(durationsMs.length > 300, `${durationsMs.length} frames were lost, noticed and repaired`)
      assert.ok(p99Ms <= 4 * latencyMs + SLACK_MS, `p99 ${p99Ms} ms of ${durationsMs.length} repairs`)
    })
  }
})

/**
 * For each lost frame: from the arrival of the next frame of its stream at the same receiver, by which it can know, to the
 * arrival of the repair.
 */
function repairTimes(cluster: Cluster): number[] {
  const lost = new Map<string, Delivery>()
  const noticeableAtMs = new Map<string, number>()
  const durationsMs: number[] = []
  for (const delivery of cluster.sent) {
    const name = frameName(delivery)
    if (name === undefined) continue
    const { stream, number, to } = name
    if (delivery.carrier === 'frame' && delivery.isLost) {
      lost.set(`${to} ${stream} ${number}`, delivery)
      continue
    }
    if (delivery.carrier !== 'frame') {
      const sinceMs = noticeableAtMs.get(`${to} ${stream} ${number}`)
      if (sinceMs !== undefined) durationsMs.push(delivery.atMs + cluster.latencyMs - sinceMs)
      noticeableAtMs.delete(`${to} ${stream} ${number}`)
      continue
    }
    for (let before = number - 1; lost.delete(`${to} ${stream} ${before}`); before--) {
      noticeableAtMs.set(`${to} ${stream} ${before}`, delivery.atMs + cluster.latencyMs)
    }
  }
  return durationsMs
}

function frameName(delivery: Delivery): { stream: string; number: number; to: string } | undefined {
  const header = delivery.frame?.header ?? repairedHeader(delivery)
  return header && { stream: `${header.sender.lo} ${header.shard}`, number: header.number, to: delivery.to }
}

function repairedHeader({ message }: Delivery): FrameHeader | undefined {
  return message?.type === 'repair' ? decodeFrame(message.frame, 0).header : undefined
}

/** Numbers from 0 to 1 by a linear congruential generator (Numerical Recipes): the same for each run. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
