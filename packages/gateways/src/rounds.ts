/**
 * Rounds: what wants to be done in this turn of the event loop is done at its end, all together.
 *
 * The system says at once of which sockets there is data. Were each answered as soon as it is read and worked off, its client would be
 * woken, which costs more than the work, find one answer, and sleep again. So all are read first, then all are worked off, and then
 * they are answered one right after the other: a client of many connections is woken once, and what their requests write
 * becomes one batch of the node. What a round that takes long has not worked off waits for the next turn.
 */
import { ROUND_MS } from './constants.ts'

export interface RoundsItem {
  work(): void
  /** Called in the round in which it was worked on, after everybody's work. */
  answer(): void
}

export class Rounds {
  #waiting: RoundsItem[] = []
  /** A round is due, or under way. */
  #isDue = false

  /** Have it worked on in this turn's round, after those that were added before. Once for each time that it is added. */
  add(item: RoundsItem): void {
    this.#waiting.push(item)
    this.#plan()
  }

  #plan(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => this.#run())
  }

  #run(): void {
    const round = this.#waiting
    this.#waiting = []
    this.#isDue = false
    const endsMs = performance.now() + ROUND_MS
    let done = 0
    do round[done++]?.work()
    while (done < round.length && performance.now() < endsMs)
    for (const item of round.slice(0, done)) item.answer()
    if (done === round.length) return
    this.#waiting = [...round.slice(done), ...this.#waiting]
    this.#plan()
  }
}
