/** What a run tells while it goes on: for live lines. */
import type { FaultBand, Violation } from '../run-record.ts'

export type RunPhase = 'starting' | 'running' | 'healing' | 'reading' | 'judging'

export type RunEvent =
  | { readonly type: 'phase'; readonly atMs: number; readonly phase: RunPhase }
  /** `untilMs` of the band is set when it ended. */
  | {
      readonly type: 'fault'
      readonly atMs: number
      readonly state: 'begins' | 'ends'
      readonly band: FaultBand
      /** Of all members, by number. */
      readonly memberNames: readonly string[]
    }
  /** Once a second: operations since the last one, and how the members are. */
  | {
      readonly type: 'tick'
      readonly atMs: number
      readonly ok: number
      readonly failed: number
      readonly unknown: number
      /** Of the member that is furthest behind. */
      readonly lagFrames: number
      readonly ready: number
      readonly members: number
    }
  /** The cluster is at rest, so long after everything was healed. */
  | { readonly type: 'quiet'; readonly atMs: number; readonly afterMs: number }
  | { readonly type: 'violation'; readonly atMs: number; readonly violation: Violation }
