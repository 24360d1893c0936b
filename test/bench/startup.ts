/** How soon a node is ready, and what a cluster costs that nobody uses. */
import { setTimeout as pause } from 'node:timers/promises'
import { Child } from './child.ts'
import { type Bench, median, type Row } from './harness.ts'
import type { StartupCommands } from './startup-process.ts'

const MEMBERS = 3
const SETTLE_MS = 3_000
/** After a minute in which nothing changed heartbeats are rarer. */
const CALM_MS = 62_000
const IDLE_MS = 20_000
const READY_MS_ASKED = 1_000
const IDLE_SHARE_ASKED = 0.01

export const startup: Bench = {
  name: 'startup',
  sketch:
    'a node: two round trips per member and shard; idle: a heartbeat to each member every 500 ms, 750 after a minute, a tick for timers',
  expectation: 'ready within a second, alone or joining; an idle member of three under 1 % of a core',
  run: async (signal) => {
    await using processes = new AsyncDisposableStack()
    const members = Array.from({ length: MEMBERS }, () => processes.use(new Child<StartupCommands>(MODULE, signal)))
    const [first, ...others] = members
    if (first === undefined) return []
    const { addresses, readyMs } = await first.call('start', {})
    const rows: Row[] = [ready('a first node is ready after', readyMs)]
    for (const [i, other] of others.entries()) {
      const joined = await other.call('start', { join: addresses })
      rows.push(ready(`node ${i + 2} is ready after`, joined.readyMs))
      await Promise.all(members.slice(0, i + 2).map((member) => member.call('whenReady', i + 2)))
    }
    await pause(SETTLE_MS, undefined, { signal })
    const early = await idleShares(members, signal)
    await pause(CALM_MS - IDLE_MS, undefined, { signal })
    const late = await idleShares(members, signal)
    rows.push(idle(`an idle member of ${MEMBERS}, of a core, in the first minute`, early), {
      ...idle(`an idle member of ${MEMBERS}, of a core, after it`, late),
      gate: { asked: 'under 1 %', isMet: Math.max(...late) < IDLE_SHARE_ASKED },
    })
    return rows
  },
}

/** What share of a core each of them uses while nobody asks it anything. */
async function idleShares(members: readonly Child<StartupCommands>[], signal: AbortSignal): Promise<number[]> {
  const before = await Promise.all(members.map((member) => member.cpuUs()))
  await pause(IDLE_MS, undefined, { signal })
  const after = await Promise.all(members.map((member) => member.cpuUs()))
  return after.map((us, i) => (us - (before[i] ?? 0)) / 1_000 / IDLE_MS)
}

function idle(what: string, shares: readonly number[]): Row {
  const busiest = { what: 'the busiest', value: Math.max(...shares) * 100, unit: '%' } as const
  return { what, value: median(shares) * 100, unit: '%', also: [busiest] }
}

function ready(what: string, ms: number): Row {
  return { what, value: ms, unit: 'ms', gate: { asked: 'within 1 s', isMet: ms <= READY_MS_ASKED } }
}

const MODULE = new URL('./startup-process.ts', import.meta.url)
