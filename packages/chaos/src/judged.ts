/** Which invariants a run was held to. */
import type { RunRecord } from './run-record.ts'
import type { InvariantName } from './scenario.ts'

/** Those of the scenario that its backend can judge. */
export function judgedIn({ scenario, backend }: Pick<RunRecord, 'scenario' | 'backend'>): readonly InvariantName[] {
  return scenario.invariants.filter((name) => backend !== 'sim' || !NOT_IN_VIRTUAL_TIME.has(name))
}

/** The simulator's clients try once, and its links are there as soon as they are healed. */
const NOT_IN_VIRTUAL_TIME: ReadonlySet<InvariantName> = new Set(['no-errors', 'links'])
