/**
 * Rounds: what wants to be done in this turn of the event loop is done at its end, all together.
 *
 * The system says at once of which sockets there is data. Were each answered as it is read, its client would be woken, which
 * costs more than answering, find one answer, and sleep again. So all are read first, and then answered one right after the
 * other: a client of many connections is woken once, and what their requests write becomes one batch of the node.
 */
export class Rounds<Item> {
  readonly #work: (item: Item) => void
  #waiting: Item[] = []

  constructor(work: (item: Item) => void) {
    this.#work = work
  }

  /** Have it worked on in this turn's round, in the order of adding. To be added again when that was done, not before. */
  add(item: Item): void {
    if (this.#waiting.push(item) === 1) setImmediate(() => this.#run())
  }

  #run(): void {
    const round = this.#waiting
    this.#waiting = []
    for (const item of round) this.#work(item)
  }
}
