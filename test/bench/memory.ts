/** What a session costs in memory, against a bare cache with an array per value. */
import { Child } from './child.ts'
import { type Bench, type Row, ratio } from './harness.ts'
import type { Footprint, Kind, MemoryCommands } from './memory-process.ts'

const SESSIONS = 1_000_000
const BYTES = 200
const ASKED_BYTES = 700
const CLAIM_TOLERANCE = 0.15

export const memory: Bench = {
  name: 'memory',
  sketch:
    'a million sessions of 200 B: key 48, index and front 33, place 16, record 136, value 200; up to a fifth of the arena garbage',
  expectation: 'under 700 B a session and copy, also after every session was written again; the budget tells the truth',
  run: async (signal) => {
    const [bare, table] = await Promise.all([measure('lru-cache', signal), measure('table', signal)])
    const rows: Row[] = []
    for (const [i, when] of ['inserted', 'written again'].entries()) {
      const [mine, peer] = [table[i], bare[i]]
      if (mine === undefined || peer === undefined) continue
      const also = [{ what: 'a write', value: peer.usPerWrite, unit: 'us' }] as const
      rows.push({ what: `bare lru-cache, ${when}`, value: peer.bytes, unit: 'B', ratio: ratio(1, 1, PEER), also })
      rows.push({
        what: `table of a holder, ${when}`,
        value: mine.bytes,
        unit: 'B',
        ratio: ratio(mine.bytes, peer.bytes, PEER),
        expected: i === 0 ? '553 (prototype)' : '576 (prototype)',
        also: [
          { what: 'it says', value: mine.claimed, unit: 'B' },
          { what: 'a frame’s record', value: mine.usPerWrite, unit: 'us' },
        ],
        gate: { asked: `at most ${ASKED_BYTES} B`, isMet: mine.bytes <= ASKED_BYTES },
      })
      const share = mine.bytes / mine.claimed
      const gate = { asked: 'within 15 %', isMet: Math.abs(share - 1) <= CLAIM_TOLERANCE }
      rows.push({ what: `of what it says, ${when}`, value: share * 100, unit: '%', gate })
    }
    return rows
  },
}

interface PerSession {
  readonly bytes: number
  readonly claimed: number
  readonly usPerWrite: number
}

/** After the sessions came, and after each was written again. */
async function measure(kind: Kind, signal: AbortSignal): Promise<readonly PerSession[]> {
  await using child = new Child<MemoryCommands>(MODULE, signal, ['--expose-gc'])
  const empty = await child.call('start', kind, SESSIONS, BYTES)
  const perSession = ({ rss, claimed, usPerWrite }: Footprint): PerSession => {
    return { bytes: (rss - empty.rss) / SESSIONS, claimed: claimed / SESSIONS, usPerWrite }
  }
  const inserted = await child.call('writeAll', BYTES)
  const again = await child.call('writeAll', BYTES)
  return [perSession(inserted), perSession(again)]
}

const PEER = 'a bare lru-cache with an array per value'
const MODULE = new URL('./memory-process.ts', import.meta.url)
