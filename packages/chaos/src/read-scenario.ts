/**
 * A scenario from data that nobody has checked, such as a file: every key known and of its kind, or an error that names the place. What the
 * values mean to each other is checked after that, as for every scenario (`define.ts`).
 */
import { type ScenarioInput, scenario } from './define.ts'
import { ScenarioError } from './errors.ts'
import type {
  Activity,
  ClusterPlan,
  Fault,
  FaultKind,
  InvariantName,
  LinkConditions,
  Phases,
  Scenario,
  SessionWorkload,
  Strike,
  TlsWorkload,
} from './scenario.ts'

/**
 * Read a scenario: what `scenario()` takes, as parsed from JSON or exported by a module. What is left out is as usual.
 * @throws ScenarioError with the place of what is wrong.
 */
export function readScenario(data: unknown): Scenario {
  assertInput(data)
  return scenario(data)
}

function assertInput(data: unknown): asserts data is ScenarioInput {
  assertShape(data, INPUT, '')
}

/** What a value must be. */
type Shape =
  | { readonly kind: 'number' | 'text' | 'target' | 'fault' | 'workload' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'list'; readonly items: Shape }
  | { readonly kind: 'object'; readonly keys: Readonly<Record<string, Shape>>; readonly optional: readonly string[] }

function assertShape(value: unknown, shape: Shape, path: string): void {
  switch (shape.kind) {
    case 'number':
      // JSON has no others, a module may.
      return assertThat(typeof value === 'number' && Number.isFinite(value), path, 'a number')
    case 'text':
      return assertThat(
        typeof value === 'string' && value.length <= TEXT_MAX,
        path,
        `text, at most ${TEXT_MAX} characters`,
      )
    case 'target':
      return assertThat(
        typeof value === 'number' || value === 'any' || value === 'primary',
        path,
        "a member's number, 'any' or 'primary'",
      )
    case 'choice':
      return assertThat(
        typeof value === 'string' && shape.choices.includes(value),
        path,
        `one of ${shape.choices.join(', ')}`,
      )
    case 'list':
      return assertList(value, shape.items, path)
    case 'object':
      return assertObject(value, shape, path)
    case 'fault':
      return assertFault(value, path)
    case 'workload':
      return assertWorkload(value, path)
  }
}

function assertList(value: unknown, items: Shape, path: string): void {
  if (!Array.isArray(value) || value.length > ITEMS_MAX) {
    throw new ScenarioError(path, `must be a list of at most ${ITEMS_MAX}`)
  }
  for (const [index, item] of value.entries()) assertShape(item, items, `${path}[${index}]`)
}

function assertObject(value: unknown, { keys, optional }: Extract<Shape, { kind: 'object' }>, path: string): void {
  assertRecord(value, path)
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`)
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(keys, key))
      throw new ScenarioError(at(key), `is not known; there are ${Object.keys(keys).join(', ')}`)
  }
  for (const [key, shape] of Object.entries(keys)) {
    if (value[key] !== undefined) assertShape(value[key], shape, at(key))
    else if (!optional.includes(key)) throw new ScenarioError(at(key), 'is missing')
  }
}

/** Which keys it has depends on its kind. */
function assertFault(value: unknown, path: string): void {
  assertRecord(value, path)
  assertShape(value['kind'], { kind: 'choice', choices: Object.keys(FAULTS) }, `${path}.kind`)
  const shape = Object.entries(FAULTS).find(([kind]) => kind === value['kind'])?.[1]
  if (shape !== undefined) assertShape(value, shape, path)
}

/** The same; one that does not say is of sessions. */
function assertWorkload(value: unknown, path: string): void {
  assertRecord(value, path)
  const { kind = 'sessions' } = value
  assertShape(kind, WORKLOAD_KIND, `${path}.kind`)
  assertShape(value, kind === 'tls' ? TLS_WORKLOAD : SESSION_WORKLOAD, path)
}

function assertRecord(value: unknown, path: string): asserts value is Readonly<Record<string, unknown>> {
  assertThat(typeof value === 'object' && value !== null && !Array.isArray(value), path || 'the scenario', 'an object')
}

function assertThat(condition: boolean, path: string, expected: string): void {
  if (!condition) throw new ScenarioError(path, `must be ${expected}`)
}

const NUMBER: Shape = { kind: 'number' }
const TEXT: Shape = { kind: 'text' }
const TARGETS: Shape = { kind: 'list', items: { kind: 'target' } }
const MEMBERS: Shape = { kind: 'list', items: NUMBER }

/** An object of which all keys may be left out, or all but those. Typed by its keys, so that none is forgotten here. */
function object<Type>(keys: Readonly<Record<keyof Type, Shape>>, ...required: readonly (keyof Type)[]): Shape {
  const names: readonly string[] = Object.keys(keys)
  const needed = new Set<PropertyKey>(required)
  return { kind: 'object', keys, optional: names.filter((name) => !needed.has(name)) }
}

const CONDITIONS = object<LinkConditions>({
  lossRate: NUMBER,
  delayMs: NUMBER,
  jitterMs: NUMBER,
  duplicateRate: NUMBER,
  reorderRate: NUMBER,
  bytesPerSecond: NUMBER,
})

type FaultOf<Kind extends FaultKind> = Extract<Fault, { readonly kind: Kind }>

const KIND = TEXT

const FAULTS: Readonly<Record<FaultKind, Shape>> = {
  kill: object<FaultOf<'kill'>>({ kind: KIND, nodes: TARGETS }, 'nodes'),
  freeze: object<FaultOf<'freeze'>>({ kind: KIND, nodes: TARGETS }, 'nodes'),
  stall: object<FaultOf<'stall'>>({ kind: KIND, nodes: TARGETS }, 'nodes'),
  restart: object<FaultOf<'restart'>>({ kind: KIND, nodes: TARGETS, atOnceMax: NUMBER }, 'nodes'),
  join: object<FaultOf<'join'>>({ kind: KIND, nodes: TARGETS }, 'nodes'),
  partition: object<FaultOf<'partition'>>({ kind: KIND, side: TARGETS }, 'side'),
  cut: object<FaultOf<'cut'>>({ kind: KIND, from: TARGETS, to: TARGETS }),
  impair: object<FaultOf<'impair'>>({ kind: KIND, conditions: CONDITIONS, from: TARGETS, to: TARGETS }, 'conditions'),
  'clock-jump': object<FaultOf<'clock-jump'>>({ kind: KIND, nodes: TARGETS, jumpMs: NUMBER }, 'nodes', 'jumpMs'),
  'clock-rate': object<FaultOf<'clock-rate'>>({ kind: KIND, nodes: TARGETS, rate: NUMBER }, 'nodes', 'rate'),
  'disk-full': object<FaultOf<'disk-full'>>({ kind: KIND, nodes: TARGETS }, 'nodes'),
}

const WORKLOAD_KIND: Shape = { kind: 'choice', choices: ['sessions', 'tls'] }

const SESSION_WORKLOAD = object<SessionWorkload>({
  kind: KIND,
  clients: NUMBER,
  rate: NUMBER,
  keys: NUMBER,
  zipf: NUMBER,
  mix: object<Record<Activity, number>>({ cart: NUMBER, read: NUMBER, touch: NUMBER, drop: NUMBER }),
  confirm: NUMBER,
  itemBytes: NUMBER,
  idleMs: NUMBER,
})

const TLS_WORKLOAD = object<TlsWorkload>({
  kind: KIND,
  clients: NUMBER,
  rate: NUMBER,
  balance: { kind: 'choice', choices: ['round-robin', 'random'] },
  strangerRate: NUMBER,
  settledMs: NUMBER,
  lifetimeMs: NUMBER,
  lookupDeadlineMs: NUMBER,
  patienceMs: NUMBER,
})

const INVARIANTS: Readonly<Record<InvariantName, true>> = {
  durability: true,
  carts: true,
  'read-your-writes': true,
  'no-resurrection': true,
  'no-false-absence': true,
  'no-errors': true,
  convergence: true,
  links: true,
  'tls-resumed': true,
  'tls-own': true,
  'tls-served': true,
}

const INPUT = object<ScenarioInput>(
  {
    name: TEXT,
    summary: TEXT,
    cluster: object<ClusterPlan>({
      nodes: NUMBER,
      copies: NUMBER,
      cacheBytesMax: NUMBER,
      repositories: MEMBERS,
      late: MEMBERS,
      previousWire: MEMBERS,
    }),
    workload: { kind: 'workload' },
    nemesis: {
      kind: 'list',
      items: object<Strike>({ atMs: NUMBER, lastsMs: NUMBER, fault: { kind: 'fault' } }, 'atMs', 'lastsMs', 'fault'),
    },
    phases: object<Phases>({ runMs: NUMBER, quietWithinMs: NUMBER, linksWithinMs: NUMBER }, 'runMs'),
    invariants: { kind: 'list', items: { kind: 'choice', choices: Object.keys(INVARIANTS) } },
  },
  'name',
  'summary',
  'nemesis',
  'phases',
)

/** Characters of a name or a summary, which stand in one line. */
const TEXT_MAX = 300
/** Strikes, targets or invariants: far more than a run of a day has use for, and no more memory than a file. */
const ITEMS_MAX = 10_000
