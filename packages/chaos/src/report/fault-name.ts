/** What a fault is called: in the report, in the lines of a run, and wherever a person reads of it. */
import type { FaultBand } from '../run-record.ts'
import type { Fault, FaultKind, LinkConditions, LinkSelection, Target } from '../scenario.ts'

/** What a fault disturbs; it has one colour in the report. */
export type FaultFamily = 'process' | 'network' | 'clock' | 'disk'

export function familyOf(kind: FaultKind): FaultFamily {
  switch (kind) {
    case 'kill':
    case 'freeze':
    case 'stall':
    case 'restart':
    case 'join':
      return 'process'
    case 'partition':
    case 'cut':
    case 'impair':
      return 'network'
    case 'clock-jump':
    case 'clock-rate':
      return 'clock'
    case 'disk-full':
      return 'disk'
  }
}

/**
 * What was done, and to whom: `kill b`, `cut off: a, d`, `loss 20 %, delay 50 ± 10 ms on all links`.
 */
export function faultName(
  { fault, nodes }: Pick<FaultBand, 'fault' | 'nodes'>,
  memberNames: readonly string[],
): string {
  const nameOf = (target: Target): string =>
    typeof target === 'number' ? (memberNames[target] ?? `member ${target}`) : target
  const hit = (targets: readonly Target[]): string => (nodes.length > 0 ? nodes : targets).map(nameOf).join(', ')
  switch (fault.kind) {
    case 'kill':
    case 'freeze':
    case 'stall':
    case 'restart':
    case 'join':
      return `${fault.kind} ${hit(fault.nodes)}`
    case 'partition':
      return `cut off: ${hit(fault.side) || 'nobody'}`
    case 'cut':
      return `one way: nothing ${pathOf(fault, nodes, nameOf)}`
    case 'impair':
      return `${conditionsText(fault.conditions)} ${pathOf(fault, nodes, nameOf)}`
    case 'clock-jump':
      return `clock of ${hit(fault.nodes)} set ${jumpText(fault.jumpMs)}`
    case 'clock-rate':
      return `clock of ${hit(fault.nodes)} at ${percent(fault.rate)} speed`
    case 'disk-full':
      return `disk of ${hit(fault.nodes)} full`
  }
}

/** Which members a fault hit, as far as they are told apart; none when it lay on all links. */
export function membersHit({ fault, nodes }: Pick<FaultBand, 'fault' | 'nodes'>): readonly number[] {
  return isOnAllLinks(fault) ? [] : nodes
}

function isOnAllLinks(fault: Fault): boolean {
  return (fault.kind === 'cut' || fault.kind === 'impair') && fault.from === undefined && fault.to === undefined
}

function pathOf({ from, to }: LinkSelection, nodes: readonly number[], nameOf: (target: Target) => string): string {
  if (from === undefined && to === undefined) return 'on all links'
  // One side only: who was drawn for it is who was hit.
  const names = (targets: readonly Target[], isAlone: boolean): string =>
    (isAlone && nodes.length === targets.length ? nodes : targets).map(nameOf).join(', ')
  if (to === undefined) return `from ${names(from ?? [], true)}`
  if (from === undefined) return `to ${names(to, true)}`
  return `from ${names(from, false)} to ${names(to, false)}`
}

/** `loss 5 %, delay 50 ± 10 ms, 2 % twice, 1 % out of order, 128 kB/s` */
function conditionsText(conditions: LinkConditions): string {
  const { lossRate, delayMs, jitterMs, duplicateRate, reorderRate, bytesPerSecond } = conditions
  const parts: string[] = []
  if (lossRate !== undefined) parts.push(`loss ${percent(lossRate)}`)
  if (delayMs !== undefined || jitterMs !== undefined) {
    parts.push(`delay ${delayMs ?? 0}${jitterMs === undefined ? '' : ` ± ${jitterMs}`} ms`)
  }
  if (duplicateRate !== undefined) parts.push(`${percent(duplicateRate)} twice`)
  if (reorderRate !== undefined) parts.push(`${percent(reorderRate)} out of order`)
  if (bytesPerSecond !== undefined) parts.push(`${bytesPerSecond / 1_000} kB/s`)
  return parts.join(', ') || 'nothing wrong'
}

function jumpText(jumpMs: number): string {
  const seconds = Math.abs(jumpMs) / 1_000
  const size = seconds >= 3_600 ? `${seconds / 3_600} h` : seconds >= 120 ? `${seconds / 60} min` : `${seconds} s`
  return `${size} ${jumpMs < 0 ? 'back' : 'ahead'}`
}

/** `12.5 %`, without figures that say nothing. */
function percent(rate: number): string {
  return `${Number((rate * 100).toFixed(2))} %`
}
