/**
 * Contenders of the bench of memory, each in a process of its own: the table of a holder, filled as frames fill it, and a
 * bare `lru-cache` with an array per value.
 */
import { loadKeyHash, type NodeId, Outbox, type SessionKey, type Tenure, toSessionKey } from '@reprise/core'
import { LRUCache } from 'lru-cache'
// What a holder does with a frame and nothing else of it: the pieces are no business of whoever uses the package.
import { Context, withDefaults } from '../../packages/core/src/context.ts'
import { Ingest } from '../../packages/core/src/session/ingest.ts'
import type { LiveRecord, Portion } from '../../packages/core/src/session/record.ts'
import { BucketTable } from '../../packages/core/src/table/bucket-table.ts'
import { decodeFrame, encodeFrame } from '../../packages/core/src/wire/frame.ts'
import { RecordBatchWriter } from '../../packages/core/src/wire/record-codec.ts'
import { serve } from './child.ts'

export type MemoryCommands = typeof commands
export type Kind = 'lru-cache' | 'table'

/** What a process holds after garbage collection. */
export interface Footprint {
  readonly rss: number
  /** What the table says that it takes; 0 for who does not say. */
  readonly claimed: number
  /** Microseconds a write took, over the round before. */
  readonly usPerWrite: number
}

interface Contender {
  /** Write the sessions in this order, `bytes` bytes each. */
  write(order: Uint32Array, bytes: number, round: number): void
  claimed(): number
}

let contender: Contender
let order = new Uint32Array(0)
let round = 0

const commands = {
  /** Become one of the kinds, with nothing in it, for `count` sessions. */
  start: async (kind: Kind, count: number, bytes: number): Promise<Footprint> => {
    contender = kind === 'table' ? await startTable() : startCache()
    order = Uint32Array.from({ length: count }, (_, i) => i)
    // What is compiled, and the young generation that grows with the rate of writing, are no session's.
    const warmUp = kind === 'table' ? await startTable() : startCache()
    for (let i = 1; i <= 2; i++) warmUp.write(order.subarray(0, WARM_UP_SESSIONS), bytes, i)
    return footprint(0)
  },

  /** Write every session once: the first time in order, later in any. */
  writeAll: async (bytes: number): Promise<Footprint> => {
    if (round > 0) shuffle(order)
    const startedMs = performance.now()
    contender.write(order, bytes, ++round)
    return footprint(((performance.now() - startedMs) * 1_000) / order.length)
  },
}

function startCache(): Contender {
  const cache = new LRUCache<string, Uint8Array>({ max: 1_000_000 })
  return {
    write: (chosen, bytes, value) => {
      for (const i of chosen) cache.set(idOf(i), new Uint8Array(bytes).fill(value))
    },
    claimed: () => 0,
  }
}

async function startTable(): Promise<Contender> {
  const keyHash = await loadKeyHash()
  const table = new BucketTable({
    bytesMax: Number.MAX_SAFE_INTEGER,
    keyHash,
    isPinned: () => false,
    isHeld: () => true,
    onEvicted: () => {},
  })
  const context = new Context(withDefaults({ nodeId: 'self', incarnation: 1, keyHash, seed: 1 }), table)
  const ingest = new Ingest(context, {
    isJoined: () => true,
    onBeaten: () => {},
    onLacking: () => {},
    onHearsay: () => {},
    onLateChunk: () => {},
  })
  const tenure: Tenure = { epoch: 1, node: SENDER, incarnation: 1_700_000_000_000 }
  return {
    write: (chosen, bytes, seq) => {
      for (let i = 0; i < chosen.length; i += RECORDS_PER_FRAME) {
        const batch = new RecordBatchWriter()
        for (const id of chosen.subarray(i, i + RECORDS_PER_FRAME)) {
          batch.add(toSessionKey(idOf(id)), recordOf(tenure, id, seq, bytes), seq)
        }
        const header = { sender: { hi: 1, lo: 2 }, incarnation: 1, shard: 0, number: 1, ackNow: false }
        context.nowMs = seq + i / 1e6
        ingest.apply(decodeFrame(encodeFrame(header, batch), context.nowMs).records, SENDER, true)
        context.out = new Outbox()
      }
    },
    claimed: () => table.bytes,
  }
}

function recordOf(tenure: Tenure, id: number, seq: number, bytes: number): LiveRecord {
  const version = { tenure, seq }
  const value = new Uint8Array(bytes).fill(seq)
  const expiry = { version, idleMs: 1_800_000, idleAtMs: 1_800_000 + seq, absoluteAtMs: 86_400_000 }
  const portions = new Map<string, Portion>([['data', { version, value }]])
  return {
    kind: 'live',
    birth: { generation: 1_700_000_000_000 + id, random: id * 1_000_003 },
    frontier: [version],
    portions,
    expiry,
  }
}

async function footprint(usPerWrite: number): Promise<Footprint> {
  for (let i = 0; i < COLLECTIONS; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { rss: process.memoryUsage.rss(), claimed: contender.claimed(), usPerWrite }
}

/** 32 characters, as a session id has them, made anew each time as a request brings them. */
function idOf(i: number): SessionKey {
  return toSessionKey(Math.imul(i, 0x9e3779b1).toString(16).padStart(32, 'k'))
}

function shuffle(list: Uint32Array): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const other = list[j] as number
    list[j] = list[i] as number
    list[i] = other
  }
}

const SENDER: NodeId = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'
const RECORDS_PER_FRAME = 64
const COLLECTIONS = 6
const WARM_UP_SESSIONS = 150_000

serve(commands)
