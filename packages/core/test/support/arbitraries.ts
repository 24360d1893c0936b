/**
 * Generators of records and of everything in them.
 *
 * Few births, tenures, names and numbers, so that generated records meet: most pairs share something. What a portion holds
 * is a function of where and when it was written, because one version has one content, ever (I-R2).
 */
import fc from 'fast-check'
import { FRONTIER_TENURES_MAX } from '../../src/constants.ts'
import type {
  Expiry,
  Floor,
  LiveRecord,
  Portion,
  PortionBytes,
  SessionRecord,
  Tombstone,
} from '../../src/session/record.ts'
import { ABSENT, MISSING } from '../../src/session/record.ts'
import type { Birth, Frontier, Tenure, Version } from '../../src/session/version.ts'
import { compareBirths, compareTenures } from '../../src/session/version.ts'

/** Twice as many as a frontier keeps, so that cutting happens. */
const TENURES: readonly Tenure[] = Array.from({ length: 2 * FRONTIER_TENURES_MAX }, (_, i) => ({
  epoch: 1 + (i >> 2),
  node: ['a', 'b'][i & 1] as string,
  incarnation: 1 + ((i >> 1) & 1),
}))

/** `fc.record` with plain objects only: comparing records strictly looks at prototypes. */
export function shape<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}

const BIRTHS: readonly Birth[] = [
  { generation: 7, random: 1 },
  { generation: 7, random: 2 },
  { generation: 8, random: 1 },
]
export const births: fc.Arbitrary<Birth> = fc.constantFrom(...BIRTHS)

export const tenures: fc.Arbitrary<Tenure> = fc.constantFrom(...TENURES)

export const versions: fc.Arbitrary<Version> = shape({ tenure: tenures, seq: fc.integer({ min: 1, max: 4 }) })

export const frontiers: fc.Arbitrary<Frontier> = fc
  .uniqueArray(versions, { maxLength: FRONTIER_TENURES_MAX, selector: ({ tenure }) => TENURES.indexOf(tenure) })
  .map((entries) => entries.sort((a, b) => compareTenures(b.tenure, a.tenure)))

/** What was written: the same for the same birth, name and version. About one in five removed the portion. */
function contentOf(birth: Birth, name: string, { tenure, seq }: Version): Uint8Array | typeof ABSENT {
  const text = [birth.generation, birth.random, name, tenure.epoch, tenure.node, tenure.incarnation, seq].join()
  let sum = 0
  for (const char of text) sum = (sum * 31 + char.charCodeAt(0)) % 1_000_003
  return sum % 5 === 0 ? ABSENT : new TextEncoder().encode(text)
}

/** The idle time is part of a touch's content; when it ends differs by clock. */
function idleMsOf({ tenure, seq }: Version): number {
  return 1_000 + tenure.epoch * 10 + seq
}

const ABSOLUTE_AT_MS = 100_000

export interface RecordOptions {
  /** How far the absolute deadlines of one birth lie apart on the clocks of copies. */
  readonly absoluteSkewMs?: number
}

function portions(birth: Birth): fc.Arbitrary<Map<string, Portion>> {
  const entries = fc.uniqueArray(
    fc.tuple(fc.constantFrom('auth', 'basket', 'tls', '__proto__'), versions, fc.boolean()),
    { maxLength: 4, selector: ([name]) => name },
  )
  return entries.map((list) => {
    const portion = ([name, version, isHere]: (typeof list)[number]): [string, Portion] => {
      const content: PortionBytes = contentOf(birth, name, version)
      return [name, { version, value: isHere || content === ABSENT ? content : MISSING }]
    }
    return new Map(list.map(portion))
  })
}

function expiries(options: RecordOptions): fc.Arbitrary<Expiry> {
  return shape({ version: versions, idleAtMs: fc.nat(5_000), skewMs: fc.nat(options.absoluteSkewMs ?? 0) }).map(
    (e) => ({
      version: e.version,
      idleMs: idleMsOf(e.version),
      idleAtMs: e.idleAtMs,
      absoluteAtMs: ABSOLUTE_AT_MS + e.skewMs,
    }),
  )
}

/** Floors under a record of a birth, which may last longer than the record; often none. */
function floors(above: Birth): fc.Arbitrary<Floor | undefined> {
  const lower = BIRTHS.filter((birth) => compareBirths(birth, above) < 0)
  if (lower.length === 0) return fc.constant(undefined)
  const floor = shape<Floor>({ birth: fc.constantFrom(...lower), untilMs: fc.integer({ min: 10_000, max: 200_000 }) })
  return fc.option(floor, { nil: undefined })
}

export function liveRecords(options: RecordOptions = {}): fc.Arbitrary<LiveRecord> {
  return births.chain((birth) => {
    const record = shape<LiveRecord>({
      kind: fc.constant('live' as const),
      birth: fc.constant(birth),
      frontier: frontiers,
      portions: portions(birth),
      expiry: expiries(options),
    })
    return fc.tuple(record, floors(birth)).map(([live, floor]) => (floor === undefined ? live : { ...live, floor }))
  })
}

export function tombstones(options: RecordOptions = {}): fc.Arbitrary<Tombstone> {
  const dropped = shape<Tombstone>({
    kind: fc.constant('dropped' as const),
    birth: births,
    absoluteAtMs: fc.nat(options.absoluteSkewMs ?? 0).map((skewMs) => ABSOLUTE_AT_MS + skewMs),
  })
  return fc
    .tuple(dropped, fc.boolean())
    .map(([tombstone, isFloor]) => (isFloor ? { ...tombstone, isFloor } : tombstone))
}

export function records(options: RecordOptions = {}): fc.Arbitrary<SessionRecord> {
  return fc.oneof({ weight: 4, arbitrary: liveRecords(options) }, { weight: 1, arbitrary: tombstones(options) })
}
