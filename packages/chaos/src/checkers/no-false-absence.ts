/** No client was told that a session does not exist while it lives. */
import { END_MARGIN_MS } from '../constants.ts'
import type { Violation } from '../run-record.ts'
import { type Evidence, isConfirmed, putsOf, readsOf, storiesOf, violation } from './checker.ts'

export function noFalseAbsence(evidence: Evidence): Violation[] {
  return storiesOf(evidence).flatMap((story) => {
    const puts = putsOf(story).filter(isConfirmed)
    const drop = story.operations.find(({ kind, outcome }) => kind === 'drop' && outcome !== 'failed')
    return readsOf(story)
      .filter(({ detail }) => detail.found === 'absent')
      .filter(({ startMs, endMs = startMs }) => {
        const isDropped = drop !== undefined && drop.startMs < endMs
        const lives = puts.some((put) => {
          return (
            (put.endMs ?? Number.POSITIVE_INFINITY) < startMs &&
            (put.detail.endsMs ?? Number.POSITIVE_INFINITY) - END_MARGIN_MS > endMs
          )
        })
        return lives && !isDropped
      })
      .map((read) => {
        const where = evidence.memberNames[read.node] ?? `member ${read.node}`
        return violation(
          'no-false-absence',
          read,
          `${where} said that session ${story.session} does not exist, and it lives`,
        )
      })
  })
}
