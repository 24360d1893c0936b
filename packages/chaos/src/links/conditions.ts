/** Conditions of a link, checked before anything is done with them. */
import { UsageError } from '@reprise/core'
import type { LinkConditions } from '../scenario.ts'

/** How a condition is named, and which values make sense. */
const RANGES: Readonly<Record<keyof LinkConditions, { readonly min: number; readonly max: number }>> = {
  lossRate: { min: 0, max: 1 },
  delayMs: { min: 0, max: 60_000 },
  jitterMs: { min: 0, max: 60_000 },
  duplicateRate: { min: 0, max: 1 },
  reorderRate: { min: 0, max: 1 },
  bytesPerSecond: { min: 1, max: Number.MAX_SAFE_INTEGER },
}

/** @throws UsageError for a condition that these links cannot have, and for a value that none can. */
export function assertConditions(conditions: LinkConditions, can: ReadonlySet<keyof LinkConditions>): void {
  for (const [name, { min, max }] of Object.entries(RANGES)) {
    const condition = name as keyof LinkConditions
    const value = conditions[condition]
    if (value === undefined) continue
    if (!can.has(condition)) throw new UsageError(`these links have no ${condition}, only ${[...can].join(', ')}`)
    if (!(value >= min && value <= max))
      throw new UsageError(`${condition} must be from ${min} to ${max}, not ${value}`)
  }
}
