/**
 * Writing: how many deltas a second a node queues to two holders, what each costs all of them, and a confirmed write; for
 * both carriers, with Redis beside them.
 */
import { Child } from './child.ts'
import { Cluster } from './cluster.ts'
import { type Bench, CpuMeter, median, quantile, type Row, ratio, sum, timed, until } from './harness.ts'
import type { Interleaved, MemberCommands } from './member-process.ts'
import { startReplicatedRedis } from './redis.ts'
import type { RedisCommands } from './redis-process.ts'

const SESSIONS = 2_000
/** Writes of each session in one batch, and batches, of each contender in turn: a second each, in which starting, and finding
 * out that all have it, are a small part. */
const ROUNDS = 25
const BATCHES = 4
const DELTAS = SESSIONS * ROUNDS
const BYTES = 200
const CONFIRMED = 600
/** Commands under way at Redis at once; node-redis writes those of one turn together. */
const OUTSTANDING = 1_000
const CARRIERS = ['gossip', 'direct'] as const

const SUSTAINED_MS = 60_000
const SUSTAINED_SESSIONS = 1_000_000

type Carrier = (typeof CARRIERS)[number]

export const commit: Bench = {
  name: 'commit',
  sketch: `${BYTES} B x ${DELTAS * BATCHES} deltas x 2 holders; a frame of each shard when the holders have the last ones`,
  expectation:
    '50,000 deltas a second; 15-17 us of CPU a delta over gossip and TLS, both holders included, half by direct streams',
  run: async (signal) => {
    await using gossip = await Contender.start('gossip', signal)
    await using direct = await Contender.start('direct', signal)
    const contenders = [gossip, direct]
    const redisMs = await saturate(contenders, signal)
    const rates = contenders.map(({ batchesMs }) => (DELTAS * batchesMs.length) / (sum(batchesMs) / 1_000))
    const redisRate = redisMs === undefined ? undefined : (DELTAS * redisMs.length) / (sum(redisMs) / 1_000)
    for (const contender of contenders) await contender.confirm()
    const best = Math.max(...rates)
    const rows: Row[] = contenders.flatMap((contender, i) => contender.rateRows(rates[i] as number, redisRate, best))
    if (redisRate !== undefined) {
      const what = `Redis SET with one replica, unencrypted, ${OUTSTANDING} outstanding`
      rows.push({ what, value: redisRate, unit: '/s', expected: '62-76k (prototype)' })
    }
    return [...rows, ...contenders.flatMap((contender) => contender.confirmedRows())]
  },
}

/** A minute and a million sessions. Run by hand: it takes minutes and 5 GB. */
export const commitSustained: Bench = {
  name: 'commit-sustained',
  sketch: `${BYTES} B, ${SUSTAINED_SESSIONS} sessions, at least ${SUSTAINED_MS / 1_000} s, x 2 holders`,
  expectation: '50,000 deltas a second',
  run: async (signal) => {
    const rows: Row[] = []
    for (const carrier of CARRIERS) {
      const cache = { bytesMax: 4 * 2 ** 30 }
      const options = ['a', 'b', 'c'].map((name) => ({ name, copies: 2, carrier, cache }))
      await using cluster = await Cluster.start<MemberCommands>(MODULE, options, signal)
      const writer = cluster.member(0)
      const equal = async (round: number): Promise<void> => {
        // Counting a million takes seconds of every member.
        await untilAll(cluster, [`session-${SUSTAINED_SESSIONS - 1}`], round)
        const areEqual = async (): Promise<boolean> => {
          const ask = cluster.members.map((member) => member.call('countManyAt', SUSTAINED_SESSIONS, round))
          return (await Promise.all(ask)).every((count) => count === SUSTAINED_SESSIONS)
        }
        await until(areEqual, 'equal holders', SUSTAINED_MS)
      }
      await writer.call('createMany', SUSTAINED_SESSIONS, BYTES)
      await equal(0)
      const meter = await CpuMeter.calibrate(cluster.members)
      let round = 0
      let tookMs = 0
      const usedUs = await meter.over(async () => {
        tookMs = await timed(async () => {
          round = await writer.call('writeFor', SUSTAINED_MS, BYTES)
          await equal(round)
        })
      })
      const deltas = round * SUSTAINED_SESSIONS
      rows.push({
        what: `queued commit(), all holders equal at the end, ${carrier}`,
        value: deltas / (tookMs / 1_000),
        unit: '/s',
        expected: '50k',
        also: [
          { what: 'CPU of all a delta', value: sum(usedUs) / deltas, unit: 'us' },
          { what: 'deltas', value: deltas, unit: '' },
          { what: 'seconds', value: tookMs / 1_000, unit: '' },
        ],
      })
    }
    return rows
  },
}

/** Batches of all contenders, turn and turn about. @returns what Redis took for its ones, in milliseconds. */
async function saturate(contenders: readonly Contender[], signal: AbortSignal): Promise<number[] | undefined> {
  await using redis = await startReplicatedRedis(signal)
  await using client = new Child<RedisCommands>(new URL('./redis-process.ts', import.meta.url), signal)
  const redisMs: number[] = []
  const set = (rounds: number): Promise<number> => timed(() => client.call('set', SESSIONS, rounds, BYTES, OUTSTANDING))
  if (redis !== undefined) {
    await client.call('start', redis.socketPath)
    await set(ROUNDS)
  }
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const contender of contenders) await contender.saturate()
    if (redis !== undefined) redisMs.push(await set(ROUNDS))
  }
  return redis === undefined ? undefined : redisMs
}

/** Three members with one carrier. */
class Contender implements AsyncDisposable {
  readonly batchesMs: number[] = []
  readonly #carrier: Carrier
  readonly #cluster: Cluster<MemberCommands>
  readonly #meter: CpuMeter
  #round = ROUNDS
  #frames = 0
  #usedUs: number[] = [0, 0, 0]
  #confirmed: Interleaved = { ms: [], bareMs: [] }
  #aloneUs = 0
  #bareUs = 0

  private constructor(carrier: Carrier, cluster: Cluster<MemberCommands>, meter: CpuMeter) {
    this.#carrier = carrier
    this.#cluster = cluster
    this.#meter = meter
  }

  static async start(carrier: Carrier, signal: AbortSignal): Promise<Contender> {
    const options = ['a', 'b', 'c'].map((name) => ({ name, copies: 2, carrier }))
    const cluster = await Cluster.start<MemberCommands>(MODULE, options, signal)
    await cluster.member(0).call('openEcho', await cluster.member(1).call('echoAddress'))
    await cluster.member(0).call('create', IDS, BYTES)
    // The first writes compile the code, and what follows them is not idleness.
    await write(cluster, 1, ROUNDS)
    return new Contender(carrier, cluster, await CpuMeter.calibrate(cluster.members))
  }

  async saturate(): Promise<void> {
    const writer = this.#cluster.member(0)
    const framesBefore = await writer.call('frames')
    const usedUs = await this.#meter.over(async () => {
      const from = this.#round + 1
      this.#round += ROUNDS
      this.batchesMs.push(await timed(() => write(this.#cluster, from, this.#round)))
    })
    this.#usedUs = this.#usedUs.map((us, i) => us + (usedUs[i] as number))
    this.#frames += (await writer.call('frames')) - framesBefore
  }

  async confirm(): Promise<void> {
    const writer = this.#cluster.member(0)
    await writer.call('commitLatency', 100, BYTES)
    this.#confirmed = await writer.call('commitLatency', CONFIRMED, BYTES)
    for (let batch = 0; batch < BATCHES; batch++) {
      this.#aloneUs += sum(await this.#meter.over(() => writer.call('commitAll', CONFIRMED, BYTES)))
      this.#bareUs += sum(await this.#meter.over(() => writer.call('echoAll', CONFIRMED, BYTES)))
    }
  }

  rateRows(rate: number, redisRate: number | undefined, best: number): Row[] {
    const deltas = DELTAS * BATCHES
    const [writerUs = 0, ...holdersUs] = this.#usedUs
    const isGated = redisRate !== undefined && rate === best
    return [
      {
        what: `queued commit(), all holders equal at the end, ${this.#carrier}`,
        value: rate,
        unit: '/s',
        expected: '50k',
        ...(redisRate === undefined ? {} : { ratio: ratio(rate, redisRate, 'Redis SET with one replica') }),
        also: [{ what: 'deltas a frame', value: deltas / this.#frames, unit: '' }],
        ...(isGated ? { gate: { asked: 'not slower than Redis', isMet: rate >= redisRate } } : {}),
      },
      {
        what: `CPU a delta, writer and two holders, ${this.#carrier}`,
        value: sum(this.#usedUs) / deltas,
        unit: 'us',
        expected: this.#carrier === 'gossip' ? '15-17 (prototype)' : '8-10 (prototype)',
        also: [
          { what: 'writer', value: writerUs / deltas, unit: 'us' },
          { what: 'each holder', value: sum(holdersUs) / holdersUs.length / deltas, unit: 'us' },
        ],
      },
    ]
  }

  confirmedRows(): Row[] {
    const count = CONFIRMED * BATCHES
    return [
      {
        what: `CPU a commit({ copies: 2 }), one at a time, ${this.#carrier}`,
        value: this.#aloneUs / count,
        unit: 'us',
        ratio: ratio(this.#aloneUs, this.#bareUs, 'a bare libp2p round trip'),
        also: [{ what: 'bare', value: this.#bareUs / count, unit: 'us' }],
      },
      ...roundTripRows(`commit({ copies: 2 }), ${this.#carrier}`, this.#confirmed, 'x 3'),
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]()
  }
}

/** Write all sessions in these rounds, and wait until all three members have the last of it. */
async function write(cluster: Cluster<MemberCommands>, from: number, to: number): Promise<void> {
  await cluster.member(0).call('write', from, to, BYTES)
  // Asking for all of them costs every member as much as hundreds of deltas.
  await untilAll(cluster, IDS.slice(-1), to)
  await untilAll(cluster, IDS, to)
}

/** Wait until all members have these sessions as written in that round. */
async function untilAll(cluster: Cluster<MemberCommands>, ids: readonly string[], round: number): Promise<void> {
  await until(async () => {
    const counts = await Promise.all(cluster.members.map((member) => member.call('countAt', ids, round)))
    return counts.every((count) => count === ids.length)
  }, 'equal holders')
}

/** Two lines, p50 and p99, of an operation that was measured turn and turn about with a bare round trip. */
export function roundTripRows(what: string, { ms, bareMs }: Interleaved, expected: string): Row[] {
  return [0.5, 0.99].map((q) => {
    const bare = quantile(bareMs, q)
    const own = q === 0.5 ? median(ms) : quantile(ms, q)
    return {
      what: `${what}, p${q * 100}`,
      value: own,
      unit: 'ms',
      ratio: ratio(own, bare, 'a bare libp2p round trip'),
      ...(q === 0.5 ? { expected } : {}),
      also: [{ what: 'bare', value: bare, unit: 'ms' }],
    }
  })
}

const IDS = Array.from({ length: SESSIONS }, (_, i) => `session-${i}`)
const MODULE = new URL('./member-process.ts', import.meta.url)
