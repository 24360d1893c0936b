/**
 * The verdict over a cluster, as monitoring plugins say it: one line with figures for graphs, then what is wrong.
 *
 * | state | exit code | when |
 * | --- | --- | --- |
 * | OK | 0 | every shard has the copies that it should have, and they are equal |
 * | WARNING | 1 | the check said so: fewer copies than wanted, records that were evicted, a member of an earlier version |
 * | CRITICAL | 2 | the check said so: a shard without a copy, or copies that differ; or a node does not answer |
 * | UNKNOWN | 3 | nobody could be asked |
 *
 * A node that does not answer is critical here, whatever its shards: commits that wait for it are late, and it is what an
 * operator wants to be called for.
 */
import type { CheckDocument } from '../inquiry/documents.ts'
import type { Silent } from '../inquiry/target.ts'
import { plural } from '../units.ts'

/** By exit code, as https://www.monitoring-plugins.org/doc/guidelines.html has them. */
const STATES = ['OK', 'WARNING', 'CRITICAL'] as const

export interface Judgement {
  /** The exit code too. */
  readonly state: 0 | 1 | 2
  readonly reasons: readonly string[]
}

export function judge(report: CheckDocument, silent: readonly Silent[]): Judgement {
  const reasons = [...silent.map(({ name, why }) => `${name} does not answer: ${why}`), ...report.reasons]
  const isSilent = silent.length > 0 || report.members.silent.length > 0
  if (isSilent || report.verdict === 'critical') return { state: 2, reasons }
  return { state: report.verdict === 'warning' ? 1 : 0, reasons }
}

/** The first line is for people and machines; details follow. */
export function checkLines(report: CheckDocument, { state, reasons }: Judgement): string[] {
  const { members, shards, checkedShards } = report
  const good = checkedShards - shards.filter(({ verdict }) => verdict !== 'ok').length
  const summary =
    state === 0
      ? `${plural(members.alive, 'member')} alive, ${good} of ${checkedShards} shards equal at all their holders`
      : (reasons[0] ?? `${checkedShards - good} of ${checkedShards} shards are not as they should be`)
  const figures = [
    `members=${members.alive}`,
    `suspect=${members.suspect}`,
    `silent=${members.silent.length}`,
    `shards_ok=${good};;;0;${checkedShards}`,
  ]
  // A bar would end the text early.
  const line = `REPRISE ${STATES[state]}: ${summary.replaceAll('|', '/')} | ${figures.join(' ')}`
  return [line, ...reasons.slice(state === 0 ? 0 : 1)]
}

/** For programs. */
export function checkJson(
  report: CheckDocument,
  { state, reasons }: Judgement,
  asked: string,
  silent: readonly Silent[],
): object {
  const { members, checkedShards, shards } = report
  return {
    schemaVersion: 1,
    state: STATES[state],
    asked,
    unanswered: silent,
    members,
    checkedShards,
    shards,
    reasons,
  }
}

/** When nobody could be asked. */
export function unknownLine(reason: string): string {
  return `REPRISE UNKNOWN: ${reason}`
}

/** The same for programs. */
export function unknownJson(reason: string): object {
  return { schemaVersion: 1, state: 'UNKNOWN', reasons: [reason] }
}
