/**
 * What a checker is: a function from what a run left to what broke. It sees what clients did and were told, and which faults there were; nothing of
 * how the cluster works. So the same ones judge every backend, and a history by hand is a test.
 */
import type { FaultBand, Operation, RunRecord, Violation } from '../run-record.ts'
import type { FaultKind, InvariantName } from '../scenario.ts'

/** What is judged: a record without its verdict. */
export type Evidence = Omit<RunRecord, 'violations'>

export type Checker = (evidence: Evidence) => Violation[]

/** Everything that happened to one session, by when it began. */
export interface SessionStory {
  readonly session: number
  readonly operations: readonly Operation[]
}

export function storiesOf({ operations }: Pick<Evidence, 'operations'>): SessionStory[] {
  const stories = new Map<number, Operation[]>()
  for (const operation of operations) {
    const story = stories.get(operation.session)
    if (story === undefined) stories.set(operation.session, [operation])
    else story.push(operation)
  }
  return [...stories].map(([session, told]) => ({
    session,
    operations: told.sort((a, b) => a.startMs - b.startMs),
  }))
}

/** Writes that put an item into the cart. */
export function putsOf({ operations }: SessionStory): Operation[] {
  return operations.filter(({ kind }) => kind === 'create' || kind === 'commit')
}

/** Looks that found out something. */
export function readsOf({ operations }: SessionStory): Operation[] {
  return operations.filter(({ kind, outcome }) => (kind === 'resume' || kind === 'final-read') && outcome === 'ok')
}

export function finalReadsOf(story: SessionStory): Operation[] {
  return readsOf(story).filter(({ kind }) => kind === 'final-read')
}

/** Copies besides the writer's own have it. */
export function isConfirmed({ outcome, detail }: Operation): boolean {
  return outcome === 'ok' && (detail.copies ?? 0) > 0
}

/** Somebody asked for the session's end, whatever came of it. */
export function wasDropped({ operations }: SessionStory): boolean {
  return operations.some(({ kind, outcome }) => kind === 'drop' && outcome !== 'failed')
}

/**
 * The earliest time at which a session may end by itself, by what was confirmed; a touch may be lost with its node. Undefined: it was never
 * confirmed, so nothing is promised.
 */
export function endsEarliestMs(story: SessionStory): number | undefined {
  const ends = putsOf(story)
    .filter(isConfirmed)
    .map(({ detail }) => detail.endsMs ?? Number.POSITIVE_INFINITY)
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/** The latest; what nobody heard of again may still have been done much later. */
export function endsLatestMs({ operations }: SessionStory): number {
  const uses = operations.filter(({ detail, outcome }) => detail.endsMs !== undefined && outcome !== 'failed')
  return uses.reduce((latestMs, { startMs, endMs, outcome, detail }) => {
    if (endMs === undefined || outcome === 'unknown') return Number.POSITIVE_INFINITY
    return Math.max(latestMs, (detail.endsMs ?? 0) + endMs - startMs)
  }, Number.NEGATIVE_INFINITY)
}

/** Faults of some kinds that lay on the cluster at some time between two moments. */
export function bandsBetween(
  { faults }: Pick<Evidence, 'faults'>,
  kinds: ReadonlySet<FaultKind>,
  fromMs: number,
  untilMs: number,
): FaultBand[] {
  return faults.filter((band) => {
    return kinds.has(band.fault.kind) && band.fromMs < untilMs && (band.untilMs ?? Number.POSITIVE_INFINITY) > fromMs
  })
}

export function violation(
  invariant: InvariantName | 'start' | 'alive' | 'quiet',
  { startMs, endMs = startMs, session }: { startMs: number; endMs?: number | undefined; session?: number },
  text: string,
): Violation {
  return { invariant, atMs: endMs, session, text }
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
