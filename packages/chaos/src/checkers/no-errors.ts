/**
 * No client saw an error: whatever it wanted was done in the end, at this node or the next. A refusal that the next node makes good is none,
 * and what is asked of a session that has ended has no good answer.
 */
import type { Operation, Violation } from '../run-record.ts'
import { type Evidence, violation } from './checker.ts'

export function noErrors({ operations }: Evidence): Violation[] {
  const ended = new Set<number>()
  const last = new Map<number, Operation>()
  for (const operation of operations) {
    if (operation.kind === 'final-read') continue
    const known = last.get(operation.request)
    if (known === undefined || known.startMs <= operation.startMs) last.set(operation.request, operation)
  }
  for (const { kind, outcome, session } of operations) if (kind === 'drop' && outcome !== 'failed') ended.add(session)
  return [...last.values()]
    .filter(({ outcome, session }) => outcome !== 'ok' && !ended.has(session))
    .map((operation) => {
      const { kind, outcome, session, detail } = operation
      return violation(
        'no-errors',
        operation,
        `a client gave up: ${kind} of session ${session} ${outcome}: ${detail.error ?? ''}`,
      )
    })
}
