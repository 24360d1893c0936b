/** Writing: how many deltas a second a node queues to two holders, what each costs all of them, and a confirmed write. */
import { Cluster } from './cluster.ts'
import { type Bench, CpuMeter, median, quantile, type Row, ratio, sum, timed, until } from './harness.ts'
import type { Interleaved, MemberCommands } from './member-process.ts'

const SESSIONS = 2_000
const ROUNDS = 20
const DELTAS = SESSIONS * ROUNDS
const BYTES = 200
const CONFIRMED = 600
const BATCHES = 3

export const commit: Bench = {
  name: 'commit',
  sketch: `${BYTES} B x ${DELTAS} deltas x 2 holders; a frame each 5 ms and shard carries what was queued`,
  expectation:
    '15-17 us of CPU a delta over gossip and TLS, both holders included; a confirmed write is 2.5 bare round trips',
  run: async (signal) => {
    const options = ['a', 'b', 'c'].map((name) => ({ name, copies: 2 }))
    await using cluster = await Cluster.start<MemberCommands>(MODULE, options, signal)
    const writer = cluster.member(0)
    const ids = Array.from({ length: SESSIONS }, (_, i) => `session-${i}`)
    await writer.call('openEcho', await cluster.member(1).call('echoAddress'))
    await writer.call('create', ids, BYTES)
    const areEqual = (round: number) => async (): Promise<boolean> => {
      const counts = await Promise.all(cluster.members.map((member) => member.call('countAt', ids, round)))
      return counts.every((count) => count === SESSIONS)
    }
    // The first writes compile the code.
    await writer.call('write', 5, BYTES)
    await until(areEqual(5), 'equal holders')

    const meter = await CpuMeter.calibrate(cluster.members)
    const framesBefore = await writer.call('frames')
    let queuedMs = 0
    let equalMs = 0
    const usedUs = await meter.over(async () => {
      queuedMs = await timed(() => writer.call('write', ROUNDS, BYTES))
      equalMs = queuedMs + (await timed(() => until(areEqual(ROUNDS), 'equal holders')))
    })
    const frames = (await writer.call('frames')) - framesBefore
    await writer.call('commitLatency', 100, BYTES)
    const confirmed = await writer.call('commitLatency', CONFIRMED, BYTES)
    let aloneUs = 0
    let bareUs = 0
    for (let batch = 0; batch < BATCHES; batch++) {
      aloneUs += sum(await meter.over(() => writer.call('commitAll', CONFIRMED, BYTES)))
      bareUs += sum(await meter.over(() => writer.call('echoAll', CONFIRMED, BYTES)))
    }
    const [writerUs = 0, ...holdersUs] = usedUs
    return [
      {
        what: 'queued commit(), all holders equal at the end',
        value: DELTAS / (equalMs / 1_000),
        unit: '/s',
        expected: '107k (prototype)',
        also: [
          { what: 'queued at', value: DELTAS / (queuedMs / 1_000), unit: '/s' },
          { what: 'deltas a frame', value: DELTAS / frames, unit: '' },
        ],
      },
      {
        what: 'CPU a delta, writer and two holders',
        value: sum(usedUs) / DELTAS,
        unit: 'us',
        expected: '15-17 (prototype)',
        also: [
          { what: 'writer', value: writerUs / DELTAS, unit: 'us' },
          { what: 'each holder', value: sum(holdersUs) / holdersUs.length / DELTAS, unit: 'us' },
        ],
      },
      {
        what: 'CPU a commit({ copies: 2 }), one at a time',
        value: aloneUs / CONFIRMED / BATCHES,
        unit: 'us',
        ratio: ratio(aloneUs, bareUs, 'a bare libp2p round trip'),
        also: [{ what: 'bare', value: bareUs / CONFIRMED / BATCHES, unit: 'us' }],
      },
      ...roundTripRows('commit({ copies: 2 })', confirmed, 'x 2.5'),
    ]
  },
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

const MODULE = new URL('./member-process.ts', import.meta.url)
