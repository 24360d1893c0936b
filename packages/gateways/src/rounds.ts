/**
 * Rounds: what wants to be done in this turn of the event loop is done at its end, all together.
 *
 * The system says at once of which sockets there is data. Were each answered as it is read, its client would be woken, which
 * costs more than answering, find one answer, and sleep again. So all are read first, and then answered one right after the
 * other: a client of many connections is woken once, and what their requests write becomes one batch of the node. A round that
 * takes long goes on in the next turn.
 */
import { ROUND_MS } from './constants.ts'

export class Rounds<Item> {
  readonly #work: (item: Item) => void
  #waiting: Item[] = []
  /** A round is due, or under way. */
  #isDue = false

  constructor(work: (item: Item) => void) {
    this.#work = work
  }

  /** Have it worked on in this turn's round, after those that were added before. Once for each time that it is added. */
  add(item: Item): void {
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
    for (const [done, item] of round.entries()) {
      this.#work(item)
      if (performance.now() < endsMs || done + 1 === round.length) continue
      this.#waiting = [...round.slice(done + 1), ...this.#waiting]
      this.#plan()
      return
    }
  }
}
