/** How the families of this package are written: one line each, with the name, what it means, and its series. */
import type { LatencyHistogram } from '@reprise/node'
import type { HistogramSample, Labels, MetricFamily, Sample } from './format.ts'

export function gauge(name: string, help: string, value: number | readonly Sample[]): MetricFamily {
  return { name: `reprise_${name}`, help, type: 'gauge', samples: samplesOf(value) }
}

/** A number that only grows while the process lives. */
export function counter(name: string, help: string, value: number | readonly Sample[]): MetricFamily {
  return { name: `reprise_${name}_total`, help, type: 'counter', samples: samplesOf(value) }
}

/** Latencies; the name ends with `_seconds`. */
export function latency(
  name: string,
  help: string,
  { boundsSeconds, counts, sumSeconds }: LatencyHistogram,
): MetricFamily {
  const sample: HistogramSample = { bounds: boundsSeconds, counts, sum: sumSeconds }
  return { name: `reprise_${name}`, help, type: 'histogram', samples: [sample] }
}

/** A series for each member of an object of numbers. */
export function by(label: string, values: Readonly<Record<string, number>>, others: Labels = {}): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { ...others, [label]: name }, value }))
}

/** How many there are of each, those included of which there are none. */
export function countBy<Name extends string>(names: readonly Name[], items: Iterable<Name>): Record<Name, number> {
  const counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1
  return counts
}

function samplesOf(value: number | readonly Sample[]): readonly Sample[] {
  return typeof value === 'number' ? [{ value }] : value
}
