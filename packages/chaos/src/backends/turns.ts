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

  /** Take a turn that lasts until it is ended. */
  hold(member: number, begin: () => Promise<void>, end: () => Promise<void>): HeldTurn {
    const begun = Promise.withResolvers<void>()
    const ending = Promise.withResolvers<void>()
    const held = this.take(member, async () => {
      await begin()
      begun.resolve()
      await ending.promise
      await end()
    })
    // Whoever ends it hears of it, and whoever waits for its beginning.
    held.catch(begun.reject)
    begun.promise.catch(() => {})
    return {
      begun: begun.promise,
      end: async () => {
        ending.resolve()
        await held
      },
    }
  }
}

export interface HeldTurn {
  /** Resolves when what it begins with is done. */
  readonly begun: Promise<void>
  /** Let it end. Resolves when all is done. */
  end(): Promise<void>
}
