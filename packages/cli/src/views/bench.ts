/** What a benchmark found, with what it means. */
import type { BenchOptions, BenchResult } from '../bench/bench.ts'
import { SESSIONS, VALUE_BYTES } from '../bench/constants.ts'
import { type Column, tableLines } from '../table.ts'
import { formatBytes, formatCount, formatMs } from '../units.ts'

type Setting = Omit<BenchOptions, 'signal'>

interface Row extends BenchResult {
  readonly profile: string
}

export function benchLines(setting: Setting, result: BenchResult, titleStyle?: (text: string) => string): string[] {
  const { profile, nodes, clients } = setting
  return [
    ...tableLines(COLUMNS, [{ profile, ...result }], titleStyle === undefined ? {} : { titleStyle }),
    '',
    `Closed loop: ${clients} clients, each waits for its answer before it asks again.`,
    `${nodes} nodes and the clients share one process and its one core; between them is loopback.`,
    `${formatCount(SESSIONS)} sessions with a value of ${formatBytes(VALUE_BYTES)}. ${MEANINGS[profile]}`,
  ]
}

const MEANINGS: Readonly<Record<Setting['profile'], string>> = {
  resume: 'Each is found at a node that did not write it.',
  cart: 'Each is found, changed, and confirmed by another node.',
  touch: 'Each is found and touched; touches travel later, together.',
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'PROFILE', cell: ({ profile }) => profile },
  { title: 'RATE', cell: (row) => `${formatCount(rate(row))} /s`, align: 'right' },
  { title: 'P50', cell: ({ latencyMs }) => formatMicroseconds(latencyMs.p50), align: 'right' },
  { title: 'P90', cell: ({ latencyMs }) => formatMicroseconds(latencyMs.p90), align: 'right' },
  { title: 'P99', cell: ({ latencyMs }) => formatMicroseconds(latencyMs.p99), align: 'right' },
  { title: 'MAX', cell: ({ latencyMs }) => formatMs(latencyMs.max), align: 'right' },
  { title: 'FAILED', cell: ({ failed }) => formatCount(failed), align: 'right' },
]

function rate({ operations, tookMs }: BenchResult): number {
  return Math.round((1_000 * operations) / tookMs)
}

/** `0.18 ms`: two figures where one would round them all to the same. */
function formatMicroseconds(ms: number): string {
  return ms < 1 ? `${ms.toFixed(2)} ms` : formatMs(ms)
}

/** For programs. */
export function benchJson({ profile, nodes, clients }: Setting, result: BenchResult): object {
  return {
    schemaVersion: 1,
    profile,
    loop: 'closed',
    clients,
    nodes,
    sessions: SESSIONS,
    valueBytes: VALUE_BYTES,
    tookMs: Math.round(result.tookMs),
    operations: result.operations,
    failed: result.failed,
    ratePerSecond: rate(result),
    latencyMs: result.latencyMs,
  }
}
