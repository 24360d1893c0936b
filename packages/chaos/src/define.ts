/**
 * From what an author writes to a scenario: defaults are filled in, and what can never work is refused before anything starts. What a
 * backend cannot do is another question: see `plan.ts`.
 */
import {
  CLIENTS_MAX,
  ITEM_BYTES_MAX,
  KEYS_MAX,
  MEMBERS_MAX,
  MEMBERS_MIN,
  PATIENCE_MS,
  RATE_MAX,
  REQUEST_MS,
  RUN_MS_MAX,
  TLS_CLIENTS_MAX,
  ZIPF_DEFAULT,
} from './constants.ts'
import { ScenarioError } from './errors.ts'
import type {
  ClusterPlan,
  Fault,
  InvariantName,
  LinkConditions,
  Phases,
  Scenario,
  SessionWorkload,
  Strike,
  Target,
  TlsWorkload,
  Workload,
} from './scenario.ts'

/** A scenario whose author left out what is as usual. */
export interface ScenarioInput {
  readonly name: string
  readonly summary: string
  /** Default: five nodes, two copies. */
  readonly cluster?: Partial<ClusterPlan>
  /**
   * Default: 48 clients, 100 operations a second on 200 sessions, mostly carts; commits wait for one copy. Of the kind `'tls'`: 101 clients, 60
   * handshakes a second round robin, of which two in a hundred offer nothing.
   */
  readonly workload?: Partial<SessionWorkload> | (Partial<TlsWorkload> & Pick<TlsWorkload, 'kind'>)
  readonly nemesis: readonly Strike[]
  /** `quietWithinMs` is 15,000 unless given. */
  readonly phases: Pick<Phases, 'runMs'> & Partial<Phases>
  /** Default: everything that no fault excuses, which for sessions is all but `no-errors`, and for TLS clients all. */
  readonly invariants?: readonly InvariantName[]
}

/** All invariants of sessions but `no-errors`. */
export const SAFETY: readonly InvariantName[] = [
  'durability',
  'carts',
  'read-your-writes',
  'no-resurrection',
  'no-false-absence',
  'convergence',
  'links',
]

/** All invariants of TLS clients. */
export const TLS_INVARIANTS: readonly InvariantName[] = [
  'tls-resumed',
  'tls-own',
  'tls-served',
  'no-errors',
  'convergence',
  'links',
]

/**
 * Complete and check a scenario.
 * @throws ScenarioError for what can never work.
 */
export function scenario(input: ScenarioInput): Scenario {
  const workload = workloadOf(input.workload)
  const complete: Scenario = {
    name: input.name,
    summary: input.summary,
    cluster: { ...CLUSTER_DEFAULT, ...input.cluster },
    workload,
    nemesis: [...input.nemesis].sort((a, b) => a.atMs - b.atMs),
    phases: { quietWithinMs: QUIET_WITHIN_MS, ...input.phases },
    invariants: input.invariants ?? (workload.kind === 'tls' ? TLS_INVARIANTS : SAFETY),
  }
  assertScenario(complete)
  return complete
}

function workloadOf(input: ScenarioInput['workload'] = {}): Workload {
  return input.kind === 'tls' ? { ...TLS_WORKLOAD_DEFAULT, ...input } : { ...WORKLOAD_DEFAULT, ...input }
}

/** The same scenario in a cluster of another size. @throws ScenarioError when it names members that are then not there. */
export function withNodes(original: Scenario, nodes: number): Scenario {
  const changed = { ...original, cluster: { ...original.cluster, nodes } }
  assertScenario(changed)
  return changed
}

/** @throws ScenarioError */
export function assertScenario({ name, cluster, workload, nemesis, phases, invariants }: Scenario): void {
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)) throw new ScenarioError('name', 'must be kebab-case')
  assertCluster(cluster)
  assertWorkload(workload, cluster)
  assertPhases(phases)
  for (const [i, strike] of nemesis.entries()) assertStrike(`nemesis[${i}]`, strike, { cluster, phases })
  if (invariants.length === 0) throw new ScenarioError('invariants', 'nothing would be judged')
  const judged = workload.kind === 'tls' ? TLS_INVARIANTS : [...SAFETY, 'no-errors']
  const stranger = invariants.find((invariant) => !judged.includes(invariant))
  if (stranger !== undefined) {
    throw new ScenarioError(
      'invariants',
      `${stranger} says nothing of what these clients do: there are ${judged.join(', ')}`,
    )
  }
}

function assertCluster({ nodes, copies, cacheBytesMax, repositories, late, previousWire }: ClusterPlan): void {
  within('cluster.nodes', nodes, MEMBERS_MIN, MEMBERS_MAX)
  whole('cluster.nodes', nodes)
  within('cluster.copies', copies, 0, nodes - 1)
  whole('cluster.copies', copies)
  if (cacheBytesMax !== undefined) within('cluster.cacheBytesMax', cacheBytesMax, 1, Number.MAX_SAFE_INTEGER)
  for (const [path, members] of Object.entries({ repositories, late, previousWire })) {
    assertMembers(`cluster.${path}`, members ?? [], nodes)
  }
  if (late !== undefined && late.length >= nodes)
    throw new ScenarioError('cluster.late', 'somebody must be there first')
  if (previousWire?.some((member) => repositories?.includes(member))) {
    throw new ScenarioError('cluster.previousWire', 'a member of the previous wire is no repository')
  }
}

function assertWorkload(workload: Workload, cluster: ClusterPlan): void {
  if (workload.kind === 'tls') return assertTlsWorkload(workload, cluster)
  const { copies } = cluster
  const { clients, rate, keys, zipf, mix, confirm, idleMs, itemBytes } = workload
  within('workload.clients', clients, 1, CLIENTS_MAX)
  within('workload.rate', rate, 0.1, RATE_MAX)
  within('workload.keys', keys, 1, KEYS_MAX)
  whole('workload.keys', keys)
  within('workload.zipf', zipf ?? ZIPF_DEFAULT, 0, 10)
  within('workload.confirm', confirm, 0, copies)
  if (idleMs !== undefined) within('workload.idleMs', idleMs, 1, RUN_MS_MAX)
  if (itemBytes !== undefined) within('workload.itemBytes', itemBytes, 0, ITEM_BYTES_MAX)
  for (const [activity, weight] of Object.entries(mix)) within(`workload.mix.${activity}`, weight, 0, 1e6)
  if (!Object.values(mix).some((weight) => weight > 0))
    throw new ScenarioError('workload.mix', 'clients would do nothing')
}

function assertTlsWorkload(workload: TlsWorkload, { previousWire = [] }: ClusterPlan): void {
  const { clients, rate, strangerRate, settledMs, lifetimeMs, lookupDeadlineMs, patienceMs } = workload
  within('workload.clients', clients, 1, TLS_CLIENTS_MAX)
  whole('workload.clients', clients)
  within('workload.rate', rate, 0.1, RATE_MAX)
  within('workload.strangerRate', strangerRate, 0, 1)
  if (settledMs !== undefined) within('workload.settledMs', settledMs, 0, RUN_MS_MAX)
  if (lifetimeMs !== undefined) within('workload.lifetimeMs', lifetimeMs, 1_000, RUN_MS_MAX)
  if (lookupDeadlineMs !== undefined) within('workload.lookupDeadlineMs', lookupDeadlineMs, 1, PATIENCE_MS)
  if (patienceMs !== undefined) within('workload.patienceMs', patienceMs, 1, REQUEST_MS)
  if (previousWire.length > 0) throw new ScenarioError('cluster.previousWire', 'such a member has no TLS server')
}

function assertPhases({ runMs, quietWithinMs, linksWithinMs }: Phases): void {
  within('phases.runMs', runMs, 1, RUN_MS_MAX)
  within('phases.quietWithinMs', quietWithinMs, 1, RUN_MS_MAX)
  if (linksWithinMs !== undefined) within('phases.linksWithinMs', linksWithinMs, 1, RUN_MS_MAX)
}

function assertStrike(path: string, strike: Strike, { cluster, phases }: Pick<Scenario, 'cluster' | 'phases'>): void {
  const { atMs, lastsMs, fault } = strike
  within(`${path}.atMs`, atMs, 0, phases.runMs)
  within(`${path}.lastsMs`, lastsMs, 0, RUN_MS_MAX)
  const at = `${path}.fault`
  for (const [list, targets] of Object.entries(targetsOf(fault))) {
    assertTargets(`${at}.${list}`, targets, cluster.nodes)
  }
  switch (fault.kind) {
    case 'partition':
      if (fault.side.length === 0 || fault.side.length >= cluster.nodes)
        throw new ScenarioError(`${at}.side`, 'both sides must have members')
      return
    case 'impair':
      return assertConditions(`${at}.conditions`, fault.conditions)
    case 'clock-jump':
      return within(`${at}.jumpMs`, fault.jumpMs, -RUN_MS_MAX, RUN_MS_MAX)
    case 'clock-rate':
      return within(`${at}.rate`, fault.rate, 0.1, 10)
    case 'disk-full':
      return assertRepositories(`${at}.nodes`, fault.nodes, cluster)
    case 'restart':
      if (fault.atOnceMax !== undefined) within(`${at}.atOnceMax`, fault.atOnceMax, 1, cluster.nodes)
      return
    case 'stall':
      if (lastsMs === 0) throw new ScenarioError(`${path}.lastsMs`, 'a stall that never ends is a freeze')
  }
}

/** The lists of targets of a fault, by their names. */
export function targetsOf(fault: Fault): Readonly<Record<string, readonly Target[]>> {
  switch (fault.kind) {
    case 'partition':
      return { side: fault.side }
    case 'cut':
    case 'impair':
      return { from: fault.from ?? [], to: fault.to ?? [] }
    default:
      return { nodes: fault.nodes }
  }
}

function assertTargets(path: string, targets: readonly Target[], nodes: number): void {
  assertMembers(
    path,
    targets.filter((target) => typeof target === 'number'),
    nodes,
  )
  if (targets.length > nodes) throw new ScenarioError(path, `names ${targets.length} of ${nodes} members`)
}

function assertMembers(path: string, members: readonly number[], nodes: number): void {
  const stranger = members.find((member) => !Number.isInteger(member) || member < 0 || member >= nodes)
  if (stranger !== undefined) throw new ScenarioError(path, `there is no member ${stranger} among ${nodes}`)
  if (new Set(members).size < members.length) throw new ScenarioError(path, 'names a member twice')
}

function assertRepositories(path: string, targets: readonly Target[], { repositories = [] }: ClusterPlan): void {
  const wrong = targets.find((target) => typeof target !== 'number' || !repositories.includes(target))
  if (wrong !== undefined) throw new ScenarioError(path, `${wrong} is no repository: name one of cluster.repositories`)
}

function assertConditions(path: string, conditions: LinkConditions): void {
  const { lossRate, duplicateRate, reorderRate, delayMs, jitterMs, bytesPerSecond } = conditions
  for (const [name, rate] of Object.entries({ lossRate, duplicateRate, reorderRate })) {
    if (rate !== undefined) within(`${path}.${name}`, rate, 0, 1)
  }
  for (const [name, ms] of Object.entries({ delayMs, jitterMs })) {
    if (ms !== undefined) within(`${path}.${name}`, ms, 0, RUN_MS_MAX)
  }
  if (bytesPerSecond !== undefined) within(`${path}.bytesPerSecond`, bytesPerSecond, 1, Number.MAX_SAFE_INTEGER)
}

function within(path: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw new ScenarioError(path, `must be from ${min} to ${max}, not ${value}`)
}

function whole(path: string, value: number): void {
  if (!Number.isInteger(value)) throw new ScenarioError(path, `must be a whole number, not ${value}`)
}

const CLUSTER_DEFAULT: ClusterPlan = { nodes: 5, copies: 2 }
const WORKLOAD_DEFAULT: SessionWorkload = {
  clients: 48,
  rate: 100,
  keys: 200,
  zipf: ZIPF_DEFAULT,
  mix: { cart: 6, read: 3, touch: 1, drop: 0.5 },
  confirm: 1,
}
/** A prime, so that who comes round robin comes to another member each time. */
const TLS_WORKLOAD_DEFAULT: TlsWorkload = {
  kind: 'tls',
  clients: 101,
  rate: 60,
  balance: 'round-robin',
  strangerRate: 0.02,
}
/** What the product promises: all holders equal so long after a partition of any length. */
const QUIET_WITHIN_MS = 15_000
