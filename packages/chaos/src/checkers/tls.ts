/**
 * What must hold for TLS clients, by what they offered and were given.
 *
 * `tls-resumed` excuses, and nothing else:
 * - a session that is offered sooner than `settledMs` after its client had it, or so late that it may have ended;
 * - one that was made so shortly before its maker was killed, froze or stalled;
 * - one for which, since then, more members were killed, or stand still, than there are copies;
 * - what is offered at a member that stood still, until it has heard what it missed;
 * - one that was made on the other side of a partition, and all while links are otherwise cut or bad, until members have heard what they missed;
 * - all once clocks were set, since sessions carry the time at which they were made.
 */
import { NEWS_MS } from '../constants.ts'
import type { FaultBand, HandshakeDetail, Operation, Violation } from '../run-record.ts'
import type { FaultKind } from '../scenario.ts'
import { ripenessOf, SETTLED_MS } from '../tls/held-session.ts'
import { clientName } from '../tls/identities.ts'
import { bandsBetween, type Evidence, seconds, violation } from './checker.ts'

/** Every live session is resumed, unless a fault excuses it. */
export function tlsResumed(evidence: Evidence): Violation[] {
  const settledMs = settledMsOf(evidence)
  return handshakesOf(evidence)
    .filter(({ tls }) => tls.result === 'full')
    .flatMap(({ operation, tls: { offered, version } }) => {
      if (offered === undefined || ripeness(operation, offered, settledMs) !== 'due') return []
      if (isExcused(operation, offered, evidence)) return []
      const { memberNames } = evidence
      const [made, shown] = [offered.madeBy, operation.node].map((node) => memberNames[node] ?? `member ${node}`)
      const age = seconds(operation.startMs - offered.madeMs)
      const what = `a ${version} session of ${made}, ${age} old, was not resumed at ${shown}`
      return [violation('tls-resumed', operation, what)]
    })
}

/** No client is taken for another one. */
export function tlsOwn(evidence: Evidence): Violation[] {
  return handshakesOf(evidence)
    .filter(({ operation, tls }) => tls.takenFor !== undefined && tls.takenFor !== clientName(operation.client))
    .map(({ operation, tls: { result, takenFor } }) => {
      const where = evidence.memberNames[operation.node] ?? `member ${operation.node}`
      const whom = takenFor === '' ? 'nobody' : takenFor
      const what = `${where} took ${clientName(operation.client)} for ${whom} in a ${result} handshake`
      return violation('tls-own', operation, what)
    })
}

/** No handshake fails at a member that no fault has hit. */
export function tlsServed(evidence: Evidence): Violation[] {
  return handshakesOf(evidence)
    .filter(({ operation }) => operation.outcome !== 'ok')
    .filter(({ operation: { node, startMs, endMs = startMs } }) => {
      const bands = bandsBetween(evidence, HITTING, startMs - SEEN_LATE_MS, endMs)
      return !bands.some(({ nodes }) => nodes.includes(node))
    })
    .map(({ operation }) => {
      const where = evidence.memberNames[operation.node] ?? `member ${operation.node}`
      return violation('tls-served', operation, `a handshake failed at ${where}: ${operation.detail.error ?? ''}`)
    })
}

/** When a session must be everywhere. */
function settledMsOf({ scenario }: Pick<Evidence, 'scenario'>): number {
  return (scenario.workload.kind === 'tls' ? scenario.workload.settledMs : undefined) ?? SETTLED_MS
}

type Offered = NonNullable<HandshakeDetail['offered']>

function handshakesOf({ operations }: Pick<Evidence, 'operations'>): {
  readonly operation: Operation
  readonly tls: HandshakeDetail
}[] {
  return operations.flatMap((operation) => {
    const { tls } = operation.detail
    return tls === undefined ? [] : [{ operation, tls }]
  })
}

function ripeness({ startMs, endMs = startMs }: Operation, offered: Offered, settledMs: number): string {
  return ripenessOf(offered, { offeredMs: startMs, endedMs: endMs, settledMs })
}

function isExcused({ node, startMs, endMs = startMs }: Operation, offered: Offered, evidence: Evidence): boolean {
  const { madeMs, madeBy } = offered
  const settledMs = settledMsOf(evidence)
  const isAt = (member: number) => (band: FaultBand) => band.nodes.includes(member)
  const lostAtOnce = bandsBetween(evidence, SILENCING, madeMs - settledMs, madeMs + settledMs)
  if (lostAtOnce.some(isAt(madeBy))) return true
  const killed = bandsBetween(evidence, KILLING, madeMs - settledMs, endMs)
  const still = bandsBetween(evidence, STANDING, startMs, endMs)
  if (new Set([...killed, ...still].flatMap(({ nodes }) => nodes)).size > evidence.scenario.cluster.copies) return true
  if (bandsBetween(evidence, STANDING, startMs - NEWS_MS, endMs).some(isAt(node))) return true
  const cut = bandsBetween(evidence, LINKS, startMs - NEWS_MS, endMs)
  if (cut.some(({ fault, nodes }) => fault.kind !== 'partition' || nodes.includes(madeBy) !== nodes.includes(node))) {
    return true
  }
  return bandsBetween(evidence, CLOCKS, Number.NEGATIVE_INFINITY, endMs).length > 0
}

const KILLING: ReadonlySet<FaultKind> = new Set(['kill'])
const STANDING: ReadonlySet<FaultKind> = new Set(['freeze', 'stall'])
const SILENCING: ReadonlySet<FaultKind> = new Set([...KILLING, ...STANDING])
const LINKS: ReadonlySet<FaultKind> = new Set(['partition', 'cut', 'impair'])
const CLOCKS: ReadonlySet<FaultKind> = new Set(['clock-jump', 'clock-rate'])
/** Faults of a member, which its own clients notice. */
const HITTING: ReadonlySet<FaultKind> = new Set([...SILENCING, 'restart', 'join'])
/** From the end of a fault until the last connection that it broke is noticed, and what a member missed has been worked off. */
const SEEN_LATE_MS = 1_000
