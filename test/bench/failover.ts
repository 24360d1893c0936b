/** Resuming while the session's primary is killed, or stands still: what the client waits for who does not answer. */
import { Cluster } from './cluster.ts'
import { type Bench, quantile, type Row } from './harness.ts'
import type { MemberCommands } from './member-process.ts'

const SESSIONS = 6_000
const BYTES = 200
const SAMPLES = 400
/** What a lost primary may add to the 99th percentile, in milliseconds. */
const ADDED_MS_MAX = 50

export const failover: Bench = {
  name: 'failover',
  sketch: 'a request to each ready holder and the last writer, of whom one never answers',
  expectation: 'no failure detector is waited for: a straggler gets the 95th percentile of answer times',
  run: async (signal) => {
    const rows: Row[] = []
    for (const [what, signalName] of [
      ['killed', 'SIGKILL'],
      ['stopped', 'SIGSTOP'],
    ] as const) {
      const options = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, copies: 2 }))
      await using cluster = await Cluster.start<MemberCommands>(MODULE, options, signal)
      const [writer, neighbour, asker] = [cluster.member(0), cluster.member(1), cluster.member(4)]
      const ids = Array.from({ length: SESSIONS }, (_, i) => `session-${i}`)
      await writer.call('create', ids, BYTES)
      // A node that goes without a word takes along what nobody else has yet; this bench is about waiting, not about that.
      await writer.call('commitAll', 1, BYTES)
      await asker.call('openEcho', await neighbour.call('echoAddress'))
      const unseen = (await asker.call('notHeld', ids)).values()
      const take = (count: number): string[] => unseen.take(count).toArray()
      await asker.call('resumeLatency', take(100), 'latest', BYTES)
      const healthy = await asker.call('resumeLatency', take(SAMPLES), 'latest', BYTES)
      writer.signal(signalName)
      const lost = await asker.call('resumeLatency', take(SAMPLES), 'latest', BYTES)
      const addedMs = quantile(lost.ms, 0.99) - quantile(healthy.ms, 0.99)
      rows.push(
        { what: `resume 'latest' with its primary, p99`, value: quantile(healthy.ms, 0.99), unit: 'ms' },
        {
          what: `resume 'latest', primary ${what}, p99`,
          value: quantile(lost.ms, 0.99),
          unit: 'ms',
          also: [
            { what: 'p50', value: quantile(lost.ms, 0.5), unit: 'ms' },
            { what: 'slowest', value: Math.max(...lost.ms), unit: 'ms' },
            { what: 'added', value: addedMs, unit: 'ms' },
          ],
          gate: { asked: `at most ${ADDED_MS_MAX} ms more`, isMet: addedMs <= ADDED_MS_MAX },
        },
      )
    }
    return rows
  },
}

const MODULE = new URL('./member-process.ts', import.meta.url)
