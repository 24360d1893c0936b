/** All checkers, by the invariant that they hold a run to. */
import { VIOLATIONS_MAX } from '../constants.ts'
import type { Violation } from '../run-record.ts'
import type { InvariantName } from '../scenario.ts'
import { carts } from './carts.ts'
import type { Checker, Evidence } from './checker.ts'
import { convergence } from './convergence.ts'
import { durability } from './durability.ts'
import { links } from './links.ts'
import { noErrors } from './no-errors.ts'
import { noFalseAbsence } from './no-false-absence.ts'
import { noResurrection } from './no-resurrection.ts'
import { readYourWrites } from './read-your-writes.ts'
import { tlsOwn, tlsResumed, tlsServed } from './tls.ts'

const CHECKERS: Readonly<Record<InvariantName, Checker>> = {
  durability,
  carts,
  'read-your-writes': readYourWrites,
  'no-resurrection': noResurrection,
  'no-false-absence': noFalseAbsence,
  'no-errors': noErrors,
  convergence,
  links,
  'tls-resumed': tlsResumed,
  'tls-own': tlsOwn,
  'tls-served': tlsServed,
}

/**
 * What broke of what the scenario promises, by time; of each invariant the first so many.
 * @param only judge these, as far as the scenario promises them.
 */
export function judge(evidence: Evidence, only?: ReadonlySet<InvariantName>): Violation[] {
  return evidence.scenario.invariants
    .filter((name) => only?.has(name) !== false)
    .flatMap((name) => CHECKERS[name](evidence).sort(byTime).slice(0, VIOLATIONS_MAX))
    .sort(byTime)
}

function byTime(a: Violation, b: Violation): number {
  return a.atMs - b.atMs
}
