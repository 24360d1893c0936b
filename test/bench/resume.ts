/** Resuming at a node that neither holds the session's shard nor ever saw the session. */
import { Cluster } from './cluster.ts'
import { roundTripRows } from './commit.ts'
import { type Bench, CpuMeter, type Row, ratio, sum } from './harness.ts'
import type { MemberCommands } from './member-process.ts'

const SESSIONS = 14_000
const BYTES = 200
const SAMPLES = 800
/** One after each batch of pulls. */
const BARE_BATCHES = 4

export const resume: Bench = {
  name: 'resume',
  sketch: `a request of 60 B and an answer of ${BYTES + 100} B; 'any': x 1 holder, 'latest': x 2 holders and the writer`,
  expectation: "'any' is one round trip and some 100 us of CPU; 'latest' waits for the slowest of those asked",
  run: async (signal) => {
    const options = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, copies: 1 }))
    await using cluster = await Cluster.start<MemberCommands>(MODULE, options, signal)
    const [writer, neighbour] = [cluster.member(0), cluster.member(1)]
    const asker = cluster.member(4)
    const ids = Array.from({ length: SESSIONS }, (_, i) => `session-${i}`)
    await writer.call('create', ids, BYTES)
    await asker.call('openEcho', await neighbour.call('echoAddress'))
    // Every id is used once: after that the asker has a copy.
    const unseen = (await asker.call('notHeld', ids)).values()
    const take = (count: number): string[] => {
      const taken = unseen.take(count).toArray()
      if (taken.length < count)
        throw new Error('the asker holds more shards than it should: too few sessions are new to it')
      return taken
    }

    const rows: Row[] = []
    const meter = await CpuMeter.calibrate(cluster.members)
    for (const consistency of ['any', 'latest'] as const) {
      await asker.call('resumeLatency', take(150), consistency, BYTES)
      const times = await asker.call('resumeLatency', take(SAMPLES), consistency, BYTES)
      rows.push(...roundTripRows(`resume '${consistency}'`, times, consistency === 'any' ? 'x 1.5' : 'x 2-3'))
    }
    const pulls: { readonly what: string; readonly usedUs: readonly number[] }[] = []
    let bareUs: readonly number[] = options.map(() => 0)
    for (const consistency of ['any', 'latest'] as const) {
      for (const atOnce of [1, 16]) {
        const usedUs = await meter.over(() => asker.call('resumeAll', take(SAMPLES), consistency, atOnce))
        pulls.push({ what: `CPU a pull '${consistency}', ${atOnce} at a time`, usedUs })
        const batchUs = await meter.over(() => asker.call('echoAll', SAMPLES, BYTES))
        bareUs = bareUs.map((us, i) => us + (batchUs[i] as number) / BARE_BATCHES)
      }
    }
    rows.push({ ...cpuRow('CPU a bare round trip', bareUs), expected: '100-200' })
    for (const { what, usedUs } of pulls) {
      rows.push({ ...cpuRow(what, usedUs), ratio: ratio(sum(usedUs), sum(bareUs), 'a bare libp2p round trip') })
    }
    return rows
  },
}

function cpuRow(what: string, usedUs: readonly number[]): Row {
  const askerUs = usedUs.at(-1) ?? 0
  return {
    what,
    value: sum(usedUs) / SAMPLES,
    unit: 'us',
    also: [
      { what: 'asker', value: askerUs / SAMPLES, unit: 'us' },
      { what: 'the others', value: (sum(usedUs) - askerUs) / SAMPLES, unit: 'us' },
    ],
  }
}

const MODULE = new URL('./member-process.ts', import.meta.url)
