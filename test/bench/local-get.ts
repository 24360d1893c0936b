/** Reading a session that is here, against a bare `lru-cache` and against asking a Redis on the same machine. */
import { Child } from './child.ts'
import { type Bench, quantile, type Row, ratio } from './harness.ts'
import type { ContenderName, Kind, LocalGetCommands } from './local-get-process.ts'
import { startRedis } from './redis.ts'

const SESSIONS = 100_000
const BYTES = 200
const TURNS = 8
const SLICES = 6
const READS = 10_000
const REDIS_READS = 50

/** Nanoseconds a read, by contender. */
type Timings = Readonly<Partial<Record<ContenderName, number>>>

export const localGet: Bench = {
  name: 'local-get',
  sketch: 'no bytes, no messages: the key made from the id, one look into the table, expiry and readiness, a handle',
  expectation:
    'three times a bare lru-cache get: key 20, hash 25, index and order 40, checks and handle 60 ns; the rest is memory',
  run: async (signal) => {
    await using redis = await startRedis(signal)
    await using processes = new AsyncDisposableStack()
    const kinds = redis === undefined ? KINDS : { ...KINDS, redis: ['redis'] as const }
    const contenders = await Promise.all(
      Object.entries(kinds).map(async ([kind, names]) => {
        const child = processes.use(new Child<LocalGetCommands>(MODULE, signal))
        await child.call('start', kind as Kind, SESSIONS, BYTES, redis?.socketPath)
        return names.map((name) => ({ name, child }))
      }),
    )
    const rows: Row[] = []
    for (const keys of [1_000, SESSIONS]) rows.push(...toRows(keys, await takeTurns(contenders.flat(), keys)))
    return rows
  },
}

type Contenders = readonly { readonly name: ContenderName; readonly child: Child<LocalGetCommands> }[]

/**
 * The lower quartile of each contender's slices. A slice takes a millisecond or two, and whether the system gave the core to
 * somebody else meanwhile says nothing about it.
 */
async function takeTurns(contenders: Contenders, keys: number): Promise<Timings> {
  const samples = contenders.map(({ name }) => ({ name, ns: [] as number[] }))
  for (let turn = -2; turn < TURNS; turn++) {
    for (const [i, { name, child }] of contenders.entries()) {
      const ns = await child.call('measure', name, keys, SLICES, name === 'redis' ? REDIS_READS : READS)
      // The first turns compile the code, the first slice of a turn fetches the processor's caches back.
      if (turn >= 0) samples[i]?.ns.push(...ns.slice(1))
    }
  }
  return Object.fromEntries(samples.map(({ name, ns }) => [name, quantile(ns, 0.25)]))
}

function toRows(keys: number, ns: Timings): Row[] {
  const name = keys === SESSIONS ? '100k' : '1k hot'
  const expected = (hot: string, many: string): string => (keys === SESSIONS ? many : hot)
  const { 'lru-cache': bare = Number.NaN, local = Number.NaN, redis } = ns
  const row = (what: string, value = Number.NaN): Row => {
    return { what: `${what}, ${name}`, value, unit: 'ns', ratio: ratio(value, bare, 'a bare lru-cache get') }
  }
  const rows: Row[] = [
    { ...row('bare lru-cache get', bare), expected: expected('39', '59') },
    {
      ...row('node.local(id)', local),
      expected: expected('82', '135'),
      gate: { asked: 'at least a third of a bare get', isMet: local <= 3 * bare },
    },
    row('node.local(id).get(portion)', ns.value),
    { ...row('toSessionKey(id) alone', ns.key), expected: '66' },
    { ...row('xxHash64 of toSessionKey(id) alone', ns.hash), expected: '62' },
  ]
  if (redis === undefined) return rows
  const also = [{ what: 'times node.local', value: redis / local, unit: '' }] as const
  return [...rows, { ...row('Redis GET, awaited, unix socket', redis), also }]
}

/** The processes, and who contends in each. */
const KINDS: Partial<Record<Kind, readonly ContenderName[]>> = {
  'lru-cache': ['lru-cache'],
  node: ['local', 'value'],
  key: ['key', 'hash'],
}

const MODULE = new URL('./local-get-process.ts', import.meta.url)
