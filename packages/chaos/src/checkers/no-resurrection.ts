/**
 * No dropped or expired session is ever found again.
 *
 * While members were out of reach of each other, nobody could tell them: then only what is read after everything healed counts. A session's
 * end is as much later as its last use may have been on its way, in a process that stood still or on a bad link.
 */
import { END_MARGIN_MS, NEWS_MS } from '../constants.ts'
import type { Operation, Violation } from '../run-record.ts'
import type { FaultKind } from '../scenario.ts'
import {
  bandsBetween,
  type Evidence,
  endsLatestMs,
  readsOf,
  type SessionStory,
  seconds,
  storiesOf,
  violation,
} from './checker.ts'

export function noResurrection(evidence: Evidence): Violation[] {
  return storiesOf(evidence).flatMap((story) => [...dropped(story, evidence), ...expired(story, evidence)])
}

function dropped(story: SessionStory, evidence: Evidence): Violation[] {
  const drop = story.operations.find(({ kind, outcome }) => kind === 'drop' && outcome === 'ok')
  if (drop?.endMs === undefined) return []
  const { endMs: droppedMs } = drop
  return foundAfter(story, droppedMs)
    .filter(
      (read) =>
        read.kind === 'final-read' || bandsBetween(evidence, CUTTING, droppedMs - NEWS_MS, read.startMs).length === 0,
    )
    .map((read) => {
      const afterMs = read.startMs - droppedMs
      return violation(
        'no-resurrection',
        read,
        `session ${story.session} was found ${seconds(afterMs)} after it was dropped`,
      )
    })
}

function expired(story: SessionStory, evidence: Evidence): Violation[] {
  const latestMs = endsLatestMs(story)
  if (!Number.isFinite(latestMs)) return []
  const onTheWayMs = bandsBetween(evidence, HOLDING, Number.NEGATIVE_INFINITY, latestMs).reduce(
    (sum, { fromMs, untilMs = latestMs }) => sum + untilMs - fromMs,
    0,
  )
  const endsMs = latestMs + onTheWayMs + END_MARGIN_MS
  return foundAfter(story, endsMs).map((read) => {
    return violation(
      'no-resurrection',
      read,
      `session ${story.session} was found ${seconds(read.startMs - latestMs)} after its end`,
    )
  })
}

function foundAfter(story: SessionStory, ms: number): Operation[] {
  return readsOf(story).filter(({ startMs, detail }) => startMs > ms && detail.found !== 'absent')
}

/** Faults after which a member may not have heard of a drop yet. */
const CUTTING: ReadonlySet<FaultKind> = new Set(['partition', 'cut', 'impair', 'freeze', 'stall'])
/** Faults that hold up what is on its way, and clocks that say less time has passed. */
const HOLDING: ReadonlySet<FaultKind> = new Set([...CUTTING, 'clock-rate'])
