/**
 * What was confirmed by copies is there in the end: every session that was not ended, with every item that was confirmed. A session that
 * nobody can read then is lost, too.
 */
import { END_MARGIN_MS } from '../constants.ts'
import type { Violation } from '../run-record.ts'
import {
  type Evidence,
  endsEarliestMs,
  finalReadsOf,
  isConfirmed,
  putsOf,
  type SessionStory,
  storiesOf,
  violation,
  wasDropped,
} from './checker.ts'

export function durability(evidence: Evidence): Violation[] {
  return storiesOf(evidence).flatMap((story) => judge(story, evidence))
}

function judge(story: SessionStory, evidence: Evidence): Violation[] {
  const confirmed = putsOf(story).filter(isConfirmed)
  const endsMs = endsEarliestMs(story)
  const [first] = confirmed
  if (first === undefined || endsMs === undefined || wasDropped(story)) return []
  const reads = finalReadsOf(story).filter(({ endMs = 0 }) => endMs < endsMs - END_MARGIN_MS)
  const isStillDue = evidence.healedAtMs < endsMs - END_MARGIN_MS
  if (reads.length === 0) {
    const wasAsked = story.operations.some(({ kind }) => kind === 'final-read')
    if (!wasAsked || !isStillDue) return []
    return [
      violation(
        'durability',
        { ...first, endMs: evidence.healedAtMs },
        `session ${story.session} could not be read in the end`,
      ),
    ]
  }
  return reads.flatMap((read) => {
    const where = evidence.memberNames[read.node] ?? `member ${read.node}`
    if (read.detail.found === 'absent') {
      return [violation('durability', read, `session ${story.session} is lost: ${where} says that it does not exist`)]
    }
    const items = new Set(read.detail.items)
    const lost = confirmed.filter(({ detail }) => detail.item !== undefined && !items.has(detail.item))
    return lost.map(({ detail, node, endMs }) => {
      const by = evidence.memberNames[node] ?? `member ${node}`
      return violation(
        'durability',
        read,
        `item ${detail.item} of session ${story.session}, confirmed by ${by} at ${Math.round(endMs ?? 0)} ms, is not in the cart at ${where}`,
      )
    })
  })
}
