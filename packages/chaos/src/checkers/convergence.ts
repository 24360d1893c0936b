/** In the end all holders are equal, as the cluster finds by checking itself, and each shard has as many as it shall have. */
import type { Violation } from '../run-record.ts'
import { type Evidence, violation } from './checker.ts'

export function convergence({ scenario, check, healedAtMs }: Evidence): Violation[] {
  const at = { startMs: healedAtMs }
  if (check === undefined) return [violation('convergence', at, 'nobody could check the copies in the end')]
  // Members of the previous wire cannot be asked, so their copies are not counted.
  const isShort = check.short > 0 && (scenario.cluster.previousWire?.length ?? 0) === 0
  if (check.differing === 0 && !isShort) return []
  return [violation('convergence', at, `copies are not equal in the end: ${check.reasons.join('; ')}`)]
}
