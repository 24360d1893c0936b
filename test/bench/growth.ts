/** What a cluster costs as it grows: whole ones as far as that can be afforded, then one whole member in a played crowd. */
import { setImmediate as breathe } from 'node:timers/promises'
import { type ABSENT, loadKeyHash, toSessionKey } from '@reprise/core'
import { type Growth, measureGrowth } from '@reprise/testkit'
import { Crowd } from '../../packages/core/test/support/crowd.ts'
import type { Bench, Row } from './harness.ts'

const COPIES = 2
/** Everybody meets everybody, and places all shards anew each time. */
const WHOLE = [
  { nodeCount: 30, copies: 1 },
  { nodeCount: 30, copies: 3 },
  { nodeCount: 10, copies: COPIES },
  { nodeCount: 30, copies: COPIES },
  { nodeCount: 60, copies: COPIES },
]
const CROWDS = [300, 1_000]
const WRITES = 200
const IDLE_MS = 30_000
const SETTLE_MS = 10_000
const LIFE_MS = 600_000
const WAIT_MS = 2_000
/** A writer that is a holder itself needs one frame and one acknowledgement less. */
const GROWTH_MAX = 1.1

export const growth: Bench = {
  name: 'growth',
  sketch:
    'a delta: a frame to each holder, copies + 1, and an acknowledgement from each; idle: heartbeats to co-holders',
  expectation:
    'as many messages a delta as it has holders, twice, whatever the size of the cluster; idle bytes that follow the co-holders of a member',
  run: async (signal) => {
    const keyHash = await loadKeyHash()
    const rows: Row[] = []
    let before: Growth | undefined
    for (const { nodeCount, copies } of WHOLE) {
      const measured = measureGrowth({ keyHash, nodeCount, copies })
      rows.push(row(`${nodeCount} members`, copies, measured, 'mean of all members'))
      before = measured
      await breathe(undefined, { signal })
    }
    for (const size of CROWDS) {
      const measured = measureCrowd(size)
      const isMet = before !== undefined && measured.messagesPerDelta <= before.messagesPerDelta * GROWTH_MAX
      rows.push({
        ...row(`${size} members, one whole`, COPIES, measured, 'a holder'),
        gate: { asked: 'no more messages a delta than in a cluster of tens', isMet },
      })
      await breathe(undefined, { signal })
    }
    return rows
  },
}

function row(who: string, copies: number, { messagesPerDelta, idleBytesPerSecond }: Growth, whose: string): Row {
  const idle = { what: `${whose}: idle control bytes a second`, value: idleBytesPerSecond, unit: 'B' } as const
  const what = `messages a delta, ${copies} ${copies === 1 ? 'copy' : 'copies'}, ${who}`
  const expected = String(2 * (copies + 1))
  return { what, value: messagesPerDelta, unit: '', expected, also: [idle] }
}

/** The same of one whole member that writes, and of everybody else as far as they have to do with it. */
function measureCrowd(size: number): Growth {
  const crowd = new Crowd(size)
  crowd.join()
  crowd.run(SETTLE_MS)
  crowd.sent.length = 0
  crowd.run(IDLE_MS)
  const idleBytes = crowd.sent.reduce((sum, { bytes }) => sum + bytes, 0)
  crowd.sent.length = 0
  crowd.said.length = 0
  for (let i = 0; i < WRITES; i++) write(crowd, i)
  crowd.run(SETTLE_MS)
  const types = [...crowd.sent.map(({ message }) => message.type), ...crowd.said]
  const messages = crowd.frames + types.filter((type) => !ASIDE.has(type)).length
  return { messagesPerDelta: messages / WRITES, idleBytesPerSecond: idleBytes / (IDLE_MS / 1_000) }
}

function write(crowd: Crowd, i: number): void {
  const key = toSessionKey(`growth${i}`)
  crowd.results.length = 0
  const lifetime = { idleMs: LIFE_MS, absoluteMs: LIFE_MS, assumeNew: true, deadlineMs: WAIT_MS }
  crowd.happen({ type: 'create', request: 2 * i, key, ...lifetime })
  const [created] = crowd.results.splice(0)
  if (created?.kind !== 'created') throw new Error('a session was not created')
  const changes = new Map<string, Uint8Array | typeof ABSENT>([['basket', new Uint8Array(100)]])
  const { birth } = created
  crowd.happen({ type: 'commit', request: 2 * i + 1, key, birth, changes, copies: COPIES, waitMs: WAIT_MS })
  for (let ms = 0; crowd.results.length === 0 && ms < WAIT_MS; ms++) crowd.run(1)
  if (crowd.results[0]?.kind !== 'written') throw new Error(`a write was not confirmed by ${COPIES} copies`)
}

/** They come whether anybody writes or not. */
const ASIDE: ReadonlySet<string> = new Set(['heartbeat', 'sync-ask', 'sync-offer'])
