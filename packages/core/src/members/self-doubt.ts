/**
 * Whether this node is fit to judge others: a member that did not run itself hears nobody.
 *
 * Rounds of heartbeats are the measure, because they are asked for at a known time. When one comes `STALL_MS` late or more,
 * the process did not run meanwhile: its event loop was busy, it was stopped, or the whole machine slept. Two things follow.
 * The time that was lost is nobody's silence: patience with others is counted in time *awake*. And for a while the node
 * judges more slowly, by a factor that grows with each stall and falls again with punctual rounds, after Lifeguard's local
 * health multiplier (Dadgar, Phillips and Currey, "Lifeguard: local health awareness for more accurate failure detection",
 * 2018). What it counts is its own lateness only: a cluster in which many die at once must not make anybody slow.
 */
import { HEARTBEAT_MS, SELF_DOUBT_MAX, SELF_DOUBT_ROUNDS, STALL_MS } from '../constants.ts'

export class SelfDoubt {
  #lostMs = 0
  #doubt = 0
  #punctualRounds = 0
  /** When this node last found that it had not run. */
  #awokeAtMs = Number.NEGATIVE_INFINITY

  /** Something happens, and the next round was due by then. @returns for how long this node did not run; 0: it did. */
  notice(dueMs: number, nowMs: number): number {
    const lateMs = nowMs - dueMs
    if (lateMs < STALL_MS) return 0
    this.#lostMs += lateMs
    this.#doubt = Math.min(SELF_DOUBT_MAX, this.#doubt + 1)
    this.#punctualRounds = 0
    this.#awokeAtMs = nowMs
    return lateMs
  }

  onRound(): void {
    if (this.#doubt === 0 || ++this.#punctualRounds < SELF_DOUBT_ROUNDS) return
    this.#punctualRounds = 0
    this.#doubt--
  }

  /** The clock that patience with others is counted on: it stands still while this node does not run. */
  awakeMs(nowMs: number): number {
    return nowMs - this.#lostMs
  }

  /** By how much longer others may be silent before this node thinks ill of them. */
  get factor(): number {
    return 1 + this.#doubt
  }

  /** Whether it ran all the time since then. */
  ranSince(atMs: number): boolean {
    return atMs >= this.#awokeAtMs
  }

  /** Not right after a pause: what came in meanwhile is still to be read. */
  mayJudge(nowMs: number): boolean {
    return nowMs >= this.#awokeAtMs + HEARTBEAT_MS
  }
}
