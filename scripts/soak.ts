/**
 * Minutes of load on a whole cluster: `npm run soak -- --minutes 10`. Five processes on loopback, TLS clients that come to another member
 * each time, application sessions that come and go, and a kill a minute.
 *
 *   --minutes N   how long clients come (default 10)
 *   --rate N      TLS handshakes a second (default 300)
 *   --lookup-ms N how long a handshake waits for the cluster (default: as TLS servers do, 50)
 *   --seed S      of who is new when; default random
 *   --json        print one JSON document in place of lines and tables
 *
 * Exits with 1 when a limit was missed. Memory is judged in runs of five minutes and more.
 */
import { randomInt } from 'node:crypto'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { nameOf } from '../test/soak/cluster.ts'
import { GROWTH_BYTES_MAX, HANDSHAKES_PER_SECOND, JUDGED_RUN_MS_MIN, RESUMED_RATE_MIN } from '../test/soak/constants.ts'
import { type News, type SoakReport, soak } from '../test/soak/soak.ts'

/** Misses that are shown one by one. */
const MISSED_SHOWN_MAX = 20

interface Verdict {
  readonly what: string
  readonly value: string
  readonly asked: string
  readonly isMet: boolean
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      rate: { type: 'string', default: String(HANDSHAKES_PER_SECOND) },
      'lookup-ms': { type: 'string', default: '50' },
      seed: { type: 'string', default: String(randomInt(2 ** 40)) },
      json: { type: 'boolean', default: false },
    },
  })
  const [minutes, rate, lookupDeadlineMs, seed] = [
    toNumber('minutes', values.minutes, 0.5, 1_440),
    toNumber('rate', values.rate, 1, 5_000),
    toNumber('lookup-ms', values['lookup-ms'], 1, 10_000),
    toNumber('seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
  ]
  const say = (line: string): void => {
    if (!values.json) console.log(line)
  }
  say(`soak of ${minutes} min, ${rate} handshakes/s, seed ${seed}, load ${load()}; five members start`)
  const aborter = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => aborter.abort(new Error('interrupted')))
  const report = await soak({
    signal: aborter.signal,
    durationMs: minutes * 60_000,
    handshakesPerSecond: rate,
    lookupDeadlineMs,
    seed,
    onNews: teller(say),
  })
  const verdicts = judge(report)
  if (values.json) console.log(JSON.stringify({ seed, load: load(), report, verdicts }, undefined, 2))
  else print(report, verdicts)
  process.exitCode = verdicts.every(({ isMet }) => isMet) ? 0 : 1
}

function toNumber(name: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (number >= min && number <= max) return number
  console.error(`--${name} is a number from ${min} to ${max}, not ${text}`)
  process.exit(2)
}

/** Puts news into lines. */
function teller(say: (line: string) => void): (news: News) => void {
  let startedMs = 0
  let before = { ms: 0, handshakes: 0 }
  return (news) => {
    const nowMs = performance.now()
    if (news.type === 'started') {
      startedMs = nowMs
      before = { ms: nowMs, handshakes: 0 }
    }
    const seconds = Math.round((nowMs - startedMs) / 1_000)
    const time = `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}`
    if (news.type !== 'progress') return say(`${time}  ${describe(news)}`)
    const { handshakes, memory } = news
    const rate = ((handshakes.handshakes - before.handshakes) * 1_000) / (nowMs - before.ms)
    before = { ms: nowMs, handshakes: handshakes.handshakes }
    const cells = [
      `${rate.toFixed(0)}/s`,
      `resumed ${percent(handshakes.resumed, handshakes.offered)} of ${count(handshakes.offered)}`,
      `elsewhere ${percent(handshakes.fromPeers, handshakes.resumed)}`,
      `broken ${handshakes.broken}`,
      `late ${handshakes.late}`,
      `objects ${memory.map(({ objectBytes }) => mebibytes(objectBytes)).join(', ')} MiB`,
      `load ${load()}`,
    ]
    say(`${time}  ${cells.join('  ')}`)
  }
}

function describe(news: Exclude<News, { type: 'progress' }>): string {
  switch (news.type) {
    case 'started':
      return 'clients come'
    case 'over':
      return 'clients are gone; everything has to be as before'
    case 'killed':
      return `${news.member} is killed`
    case 'back':
      return `${news.member} is back`
  }
}

function judge({ durationMs, handshakes, wanderers, growth, leftovers }: SoakReport): readonly Verdict[] {
  const { offered, resumed, turnedAway } = handshakes
  return [
    {
      what: 'live sessions resumed',
      value: percent(resumed, offered),
      asked: `at least ${percent(RESUMED_RATE_MIN, 1)}`,
      isMet: resumed >= offered * RESUMED_RATE_MIN && offered > 0,
    },
    none('clients whom nobody served', turnedAway),
    none('confirmed sessions lost', wanderers.lost),
    ...(durationMs < JUDGED_RUN_MS_MIN ? [] : growth).flatMap(({ member, objectBytes, externalBytes }) => [
      growing(`objects of ${member} grow`, objectBytes),
      growing(`memory of ${member} outside the heap`, externalBytes),
    ]),
    none('counts above what they were', leftovers.length),
  ]
}

function none(what: string, value: number): Verdict {
  return { what, value: count(value), asked: 'none', isMet: value === 0 }
}

function growing(what: string, bytes: number): Verdict {
  return {
    what,
    value: `${bytes.toFixed(1)} B/handshake`,
    asked: `at most ${GROWTH_BYTES_MAX}`,
    isMet: bytes <= GROWTH_BYTES_MAX,
  }
}

function print(report: SoakReport, verdicts: readonly Verdict[]): void {
  const { handshakes, lookups, lookupMs, wanderers, kills, missed, leftovers, growth } = report
  console.log('')
  table([
    ['TLS handshakes', count(handshakes.handshakes), `${count(handshakes.broken)} connections broke, ${kills} kills`],
    [
      '  with a live session',
      count(handshakes.offered),
      `besides ${handshakes.young} with one of under 50 ms, and ${handshakes.old} with one at its end`,
    ],
    ['  resumed', count(handshakes.resumed), `${percent(handshakes.fromPeers, handshakes.resumed)} from other members`],
    ['  not resumed', count(missed.length), ''],
    ['looked up', count(Object.values(lookups).reduce((sum, some) => sum + some)), describeLookups(lookups)],
    ['  within', '', lookupMs.map(({ upToMs, count: some }) => `${upToMs} ms ${count(some)}`).join(', ')],
    [
      'sessions moved',
      count(wanderers.made),
      `${count(wanderers.found)} found, ${wanderers.unknown} unknown, ${wanderers.late} at their end`,
    ],
    ...growth.map(({ member, last, samples }) => {
      const inHeap = `of objects, ${mebibytes(last.codeBytes)} of code`
      const around = `${mebibytes(last.externalBytes)} outside the heap, ${mebibytes(last.residentBytes)} resident`
      return [`memory of ${member}`, `${mebibytes(last.objectBytes)} MiB`, `${inHeap}, ${around}; ${samples} samples`]
    }),
  ])
  for (const { at, version, ageMs, madeAt, offeredTo } of missed.slice(0, MISSED_SHOWN_MAX)) {
    const age = `${ageMs.toFixed(0)} ms old`
    console.log(
      `  missed ${at.toISOString().slice(11, 23)} ${version} ${age}, made at ${nameOf(madeAt)}, shown to ${nameOf(offeredTo)}`,
    )
  }
  for (const { member, what, count: now, before } of leftovers)
    console.log(`  ${member}: ${what} ${now}, was ${before}`)
  console.log('')
  table(verdicts.map(({ what, value, asked, isMet }) => [what, value, `${isMet ? 'ok' : 'MISSED'}: ${asked}`]))
}

function table(rows: readonly (readonly string[])[]): void {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const [what = '', value = '', words = ''] of rows) {
    console.log(`  ${what.padEnd(widths[0] ?? 0)}  ${value.padStart(widths[1] ?? 0)}  ${words}`.trimEnd())
  }
}

function describeLookups(lookups: SoakReport['lookups']): string {
  return Object.entries(lookups)
    .map(([what, some]) => `${what} ${count(some)}`)
    .join(', ')
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(3)} %`
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

function load(): string {
  return loadavg()[0]!.toFixed(1)
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
