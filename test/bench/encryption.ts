/** What encryption between members costs: a message there and back, and a frame to one subscriber. */
import { Child } from './child.ts'
import { type Bench, CpuMeter, median, type Row, ratio, sum } from './harness.ts'
import type { NetworkCommands } from './network-process.ts'

const MESSAGE_BYTES = 200
/** Eight deltas of 200 B with their headers. */
const FRAME_BYTES = 1_900
const ROUND_TRIPS = 60
const FRAMES = 600
const ROUNDS = 6

const KINDS = [
  { name: 'TLS', encryption: 'tls', secret: undefined },
  { name: 'TLS + secret', encryption: 'tls', secret: 'sixteen bytes or more of it' },
  { name: 'noise', encryption: 'noise', secret: undefined },
  { name: 'noise + secret', encryption: 'noise', secret: 'sixteen bytes or more of it' },
] as const

export const encryption: Bench = {
  name: 'encryption',
  sketch: `${MESSAGE_BYTES} B there and back; ${FRAME_BYTES} B x ${FRAMES} frames x 1 subscriber, by gossip`,
  expectation:
    'TLS runs in OpenSSL, noise in JavaScript; the frames of a turn leave as one write, which costs noise less than many',
  run: async (signal) => {
    await using a = new Child<NetworkCommands>(MODULE, signal)
    await using b = new Child<NetworkCommands>(MODULE, signal)
    for (const { name, ...init } of KINDS) {
      const { addresses } = await b.call('start', name, init, [])
      await a.call('start', name, init, addresses)
      await a.call('whenUp', name)
    }
    const meter = await CpuMeter.calibrate([a, b])
    const seen = KINDS.map(({ name }) => ({ name, ms: [] as number[], tripUs: 0, frameUs: [0, 0] }))
    for (let round = -1; round < ROUNDS; round++) {
      // Another one first in each round: who follows an idle moment pays for it.
      for (let turn = 0; turn < seen.length; turn++) {
        const kind = seen[(turn + round + 1) % seen.length] as (typeof seen)[number]
        const roundTrips = await a.call('roundTrips', kind.name, ROUND_TRIPS, MESSAGE_BYTES)
        const tripUs = await meter.over(() => a.call('roundTrips', kind.name, ROUND_TRIPS, MESSAGE_BYTES))
        const frameUs = await meter.over(() => a.call('publish', kind.name, FRAMES, FRAME_BYTES))
        // The first round compiles the code.
        if (round < 0) continue
        kind.ms.push(...roundTrips)
        kind.tripUs += sum(tripUs)
        kind.frameUs = kind.frameUs.map((us, i) => us + (frameUs[i] as number))
      }
    }
    const [plain] = seen
    if (plain === undefined) return []
    return [
      ...seen.map(({ name, ms, tripUs }): Row => {
        const p50 = median(ms)
        const cpu = { what: 'CPU of both', value: tripUs / ROUND_TRIPS / ROUNDS, unit: 'us' } as const
        const what = `control round trip, p50, ${name}`
        return { what, value: p50, unit: 'ms', ratio: ratio(p50, median(plain.ms), 'TLS'), also: [cpu] }
      }),
      ...seen.map(({ name, frameUs }): Row => {
        const [outUs = 0, inUs = 0] = frameUs.map((us) => us / FRAMES / ROUNDS)
        return {
          what: `CPU a gossip frame, ${name}`,
          value: outUs + inUs,
          unit: 'us',
          ratio: ratio(outUs + inUs, sum(plain.frameUs) / FRAMES / ROUNDS, 'TLS'),
          ...(name === 'noise' ? { expected: 'x 1.2-2' } : {}),
          also: [
            { what: 'out', value: outUs, unit: 'us' },
            { what: 'in', value: inUs, unit: 'us' },
          ],
        }
      }),
    ]
  },
}

const MODULE = new URL('./network-process.ts', import.meta.url)
