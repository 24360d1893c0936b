/** How long a lost frame stays lost, on a real network: from when the next one came to when the repair is there. */
import { Child } from './child.ts'
import { type Bench, quantile } from './harness.ts'
import type { RepairCommands } from './repair-process.ts'

const LOSS_RATE = 0.05
const SESSIONS = 64
const ROUNDS = 400
const EVERY_MS = 10
const BYTES = 200
/** What the bound allows beside two round trips, in milliseconds. */
const SLACK_MS = 5

export const repair: Bench = {
  name: 'repair',
  sketch: `${LOSS_RATE * 100} % of frames lost at a holder, ${SESSIONS} writes of ${BYTES} B every ${EVERY_MS} ms`,
  expectation: 'a quarter of a round trip of patience, at least a millisecond, and a round trip',
  run: async (signal) => {
    await using writer = new Child<RepairCommands>(MODULE, signal)
    await using holder = new Child<RepairCommands>(MODULE, signal)
    const join = await writer.call('start', { name: 'a' }, 0)
    await holder.call('start', { name: 'b', join }, LOSS_RATE)
    await Promise.all([writer, holder].map((member) => member.call('whenReady', 2)))
    await holder.call('openEcho', await writer.call('echoAddress'))
    await writer.call('write', SESSIONS, 50, EVERY_MS, BYTES)
    await holder.call('lose', true)
    // Bare round trips under the same load, in the same two processes.
    const [bareMs] = await Promise.all([
      holder.call('bareMs', ROUNDS, BYTES),
      writer.call('write', SESSIONS, ROUNDS, EVERY_MS, BYTES),
    ])
    const repairedMs = await holder.call('repairedMs')
    const barePeerMs = quantile(bareMs, 0.99)
    const p99Ms = quantile(repairedMs, 0.99)
    return [
      { what: 'bare libp2p round trip under the same load, p99', value: barePeerMs, unit: 'ms' },
      {
        what: `a lost frame is back, p99 of ${repairedMs.length}`,
        value: p99Ms,
        unit: 'ms',
        ratio: { value: p99Ms / barePeerMs, to: 'a bare libp2p round trip' },
        also: [
          { what: 'p50', value: quantile(repairedMs, 0.5), unit: 'ms' },
          { what: 'bare p50', value: quantile(bareMs, 0.5), unit: 'ms' },
        ],
        gate: { asked: 'two round trips and 5 ms at most', isMet: p99Ms <= 2 * barePeerMs + SLACK_MS },
      },
    ]
  },
}

const MODULE = new URL('./repair-process.ts', import.meta.url)
