/**
 * What a seed makes of a scenario: which member `'any'` is, in every strike, and whether a backend can do all of it.
 *
 * `'primary'` stays open until its strike begins, since who wrote most of late is known only then; where a backend has no such history the
 * seed draws that, too.
 */
import { Random } from '@reprise/testkit'
import { targetsOf } from './define.ts'
import { ScenarioError, UnsupportedError } from './errors.ts'
import type { BackendName, Fault, FaultKind, LinkConditions, Scenario, Strike, Target } from './scenario.ts'

/** What a backend can do. */
export interface Abilities {
  readonly faults: ReadonlySet<FaultKind>
  readonly conditions: ReadonlySet<keyof LinkConditions>
  /** It can run members of the previous version of the wire. */
  readonly previousWire: boolean
  /** Its members have TLS servers, if wanted. */
  readonly tls: boolean
}

/** A member, or the one that writes most when the strike begins. */
export type PlannedTarget = number | 'primary'

/** A strike whose members are known, as far as they can be. */
export interface PlannedStrike {
  readonly atMs: number
  readonly lastsMs: number
  readonly fault: Fault
  /** The targets of each of the fault's lists, in the order of the list. */
  readonly targets: Readonly<Record<string, readonly PlannedTarget[]>>
}

/**
 * Draw what a scenario leaves open.
 * @throws ScenarioError when more members are to be drawn than there are.
 */
export function planStrikes({ cluster, nemesis }: Scenario, seed: number): PlannedStrike[] {
  const random = new Random(seed, STRIKES)
  const planned: PlannedStrike[] = []
  for (const strike of nemesis) {
    const isOpen = (member: number): boolean =>
      !planned.some((other) => overlap(other, strike) && Object.values(other.targets).flat().includes(member))
    const candidates = membersFrom(cluster, strike.fault).filter(isOpen)
    planned.push({ ...strike, targets: drawTargets(strike, candidates, random) })
  }
  return planned
}

/** @throws UnsupportedError with everything that the backend lacks. */
export function assertAble(backend: BackendName, abilities: Abilities, { cluster, workload, nemesis }: Scenario): void {
  const missing = new Set<string>()
  for (const { fault } of nemesis) {
    if (!abilities.faults.has(fault.kind)) missing.add(fault.kind)
    if (fault.kind !== 'impair') continue
    for (const condition of Object.keys(fault.conditions) as (keyof LinkConditions)[]) {
      if (!abilities.conditions.has(condition)) missing.add(condition)
    }
  }
  if ((cluster.previousWire?.length ?? 0) > 0 && !abilities.previousWire) missing.add('members of the previous wire')
  if (workload.kind === 'tls' && !abilities.tls) missing.add('TLS clients')
  if (missing.size > 0) throw new UnsupportedError(backend, `has no ${[...missing].join(', ')}`)
}

/** A fault whose members are all known, as a record has it. */
export function withTargets(fault: Fault, targets: Readonly<Record<string, readonly number[]>>): Fault {
  const { nodes = [], side = [], from = [], to = [] } = targets
  switch (fault.kind) {
    case 'partition':
      return { ...fault, side }
    case 'cut':
    case 'impair':
      return { ...fault, ...(from.length > 0 && { from }), ...(to.length > 0 && { to }) }
    default:
      return { ...fault, nodes }
  }
}

function membersFrom(cluster: Scenario['cluster'], fault: Fault): number[] {
  const all = Array.from({ length: cluster.nodes }, (_, member) => member)
  const late = new Set(cluster.late)
  return all.filter((member) => late.has(member) === (fault.kind === 'join'))
}

function drawTargets(
  { fault }: Strike,
  candidates: readonly number[],
  random: Random,
): Readonly<Record<string, readonly PlannedTarget[]>> {
  const lists = targetsOf(fault)
  const named = new Set(Object.values(lists).flat())
  const free = candidates.filter((member) => !named.has(member))
  const draw = (target: Target): PlannedTarget => {
    if (target !== 'any') return target
    if (free.length === 0) throw new ScenarioError('nemesis', `no member is left for a ${fault.kind} of any`)
    return free.splice(random.below(free.length), 1)[0] as number
  }
  return Object.fromEntries(Object.entries(lists).map(([list, targets]) => [list, targets.map(draw)]))
}

function overlap(a: Strike, b: Strike): boolean {
  const endMs = ({ atMs, lastsMs }: Strike): number => (lastsMs === 0 ? Number.POSITIVE_INFINITY : atMs + lastsMs)
  return a.atMs < endMs(b) && b.atMs < endMs(a)
}

/** The stream of the seed that draws who is struck. */
const STRIKES = 21
