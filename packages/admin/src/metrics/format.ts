/**
 * Metrics as text that Prometheus reads: the exposition format, version 0.0.4.
 *
 * What goes wrong silently elsewhere is refused here: a name that the format forbids, a family that comes twice.
 */

/** A number by its labels. */
export interface Sample {
  readonly labels?: Labels
  readonly value: number
}

export type Labels = Readonly<Record<string, string>>

/** How often something took how long, or was how large: `counts[i]` at most `bounds[i]`, the last more than all bounds. */
export interface HistogramSample {
  readonly labels?: Labels
  /** Rising, in the unit of the family's name. */
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

/** A metric with all its series. A name ends with its unit, and that of a counter with `_total`. */
export type MetricFamily =
  | {
      readonly name: string
      readonly help: string
      readonly type: 'counter' | 'gauge'
      readonly samples: readonly Sample[]
    }
  | {
      readonly name: string
      readonly help: string
      readonly type: 'histogram'
      readonly samples: readonly HistogramSample[]
    }

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** @throws TypeError when a family could not be read back: a mistake of the program that made it. */
export function formatMetrics(families: readonly MetricFamily[]): string {
  const names = new Set<string>()
  const lines: string[] = []
  for (const family of families) {
    const { name, help, type } = family
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new TypeError(`a metric cannot be named ${name}`)
    if (names.has(name)) throw new TypeError(`there are two metrics named ${name}`)
    names.add(name)
    lines.push(`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${name} ${type}`)
    if (family.type === 'histogram') for (const sample of family.samples) pushHistogram(lines, name, sample)
    else
      for (const { labels, value } of family.samples)
        lines.push(`${name}${formatLabels(labels)} ${formatNumber(value)}`)
  }
  return `${lines.join('\n')}\n`
}

function pushHistogram(lines: string[], name: string, { labels, bounds, counts, sum }: HistogramSample): void {
  let count = 0
  for (const [i, inBucket] of counts.entries()) {
    count += inBucket
    const le = formatNumber(bounds[i] ?? Number.POSITIVE_INFINITY)
    lines.push(`${name}_bucket${formatLabels({ ...labels, le })} ${count}`)
  }
  lines.push(`${name}_sum${formatLabels(labels)} ${formatNumber(sum)}`, `${name}_count${formatLabels(labels)} ${count}`)
}

function formatLabels(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new TypeError(`a label cannot be named ${name}`)
    return `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
  })
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
