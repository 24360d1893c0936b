/** What happens to one member happens in turn: who is told to restart twice restarts twice. */
export class Turns {
  readonly #turns = new Map<number, Promise<unknown>>()

  /** Do it when everything that came before for this member is done. */
  take<Value>(member: number, act: () => Promise<Value>): Promise<Value> {
    const turn = (this.#turns.get(member) ?? Promise.resolve()).then(act)
    // Whoever asked hears of it; the next turn begins all the same.
    this.#turns.set(
      member,
      turn.catch(() => {}),
    )
    return turn
  }

  /** Take a turn that lasts until it is ended. @returns how to end it, which resolves when all is done. */
  hold(member: number, begin: () => Promise<void>, end: () => Promise<void>): () => Promise<void> {
    const ending = Promise.withResolvers<void>()
    const held = this.take(member, async () => {
      await begin()
      await ending.promise
      await end()
    })
    // Whoever ends it hears of it.
    held.catch(() => {})
    return async () => {
      ending.resolve()
      await held
    }
  }
}
