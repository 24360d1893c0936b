/**
 * A strict reader of the text that Prometheus reads (exposition format 0.0.4): what it does not throw at is well-formed, in the
 * order that scrapers rely on, and of consistent histograms.
 */
import assert from 'node:assert/strict'

export interface ParsedSample {
  /** The family's name, or that with `_bucket`, `_sum` or `_count`. */
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

export interface ParsedFamily {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: readonly ParsedSample[]
}

export function parseMetrics(text: string): ReadonlyMap<string, ParsedFamily> {
  assert(text.endsWith('\n'), 'the last line ends too')
  const families = new Map<string, ParsedFamily & { readonly samples: ParsedSample[] }>()
  const lines = text.slice(0, -1).split('\n')
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, name = '', help = ''] = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$/.exec(line) ?? []
    assert(name !== '', `a family begins with its help: ${line}`)
    assert(!families.has(name), `${name} comes twice`)
    const [, typed, type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(lines.shift() ?? '') ?? []
    assert.equal(typed, name, 'its type follows')
    const samples: ParsedSample[] = []
    while (lines[0] !== undefined && !lines[0].startsWith('#')) samples.push(parseSample(lines.shift() ?? ''))
    const family = { name, help, type, samples }
    assertSamples(family)
    families.set(name, family)
  }
  return families
}

function parseSample(line: string): ParsedSample {
  const [, name = '', inner, text = ''] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.+)\})? (\S+)$/.exec(line) ?? []
  assert(name !== '', `no sample: ${line}`)
  const value = text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text)
  assert(text !== '' && !Number.isNaN(value), `no number: ${line}`)
  return { name, labels: parseLabels(inner ?? ''), value }
}

function parseLabels(text: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>()
  let rest = text
  while (rest !== '') {
    const [whole = '', name = '', value = ''] =
      /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest) ?? []
    assert(name !== '' && !labels.has(name), `labels: ${text}`)
    labels.set(
      name,
      value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    )
    rest = rest.slice(whole.length)
  }
  return labels
}

function assertSamples({ name, type, samples }: ParsedFamily): void {
  const series = samples.map((sample) => `${sample.name}${JSON.stringify([...sample.labels])}`)
  assert.equal(new Set(series).size, series.length, `${name} has a series twice`)
  if (type !== 'histogram') {
    for (const sample of samples) assert.equal(sample.name, name)
    if (type === 'counter') for (const { value } of samples) assert(value >= 0 && Number.isFinite(value), name)
    return
  }
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`)
  const bounds = buckets.map(({ labels }) => labels.get('le') ?? 'none')
  assert.equal(bounds.at(-1), '+Inf')
  assert(
    buckets.every(({ value }, i) => value >= (buckets[i - 1]?.value ?? 0)),
    `${name} is cumulative`,
  )
  assert(
    bounds.slice(0, -1).every((bound, i) => Number(bound) > Number(bounds[i - 1] ?? -1)),
    `${name} has rising bounds`,
  )
  assert.deepEqual(
    samples.slice(buckets.length).map((sample) => sample.name),
    [`${name}_sum`, `${name}_count`],
  )
  assert.equal(samples.at(-1)?.value, buckets.at(-1)?.value)
}
