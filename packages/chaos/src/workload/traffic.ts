/** What a run needs of its clients, whatever they are. */
export interface Traffic {
  /** Make all that is there before anything is measured. */
  fill(): Promise<void>
  /** Let clients come until `stop`. Resolves when none comes any more; some may still be at it. */
  run(): Promise<void>
  /** Nobody comes any more. Resolves when those that are there have gone. */
  stop(): Promise<void>
  /** The cluster is at rest: look at everything that should be there, at several members. */
  readBack(): Promise<void>
}

/** Work a list off, so many at a time. */
export async function severalAtOnce<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item, worker: number) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  const workSome = async (worker: number): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await work(next.value, worker)
  }
  await Promise.all(Array.from({ length: atOnce }, (_, worker) => workSome(worker)))
}

/** A few of the members, drawn. */
export function drawMembers(
  members: readonly number[],
  count: number,
  random: { below(bound: number): number },
): number[] {
  const rest = [...members]
  const drawn: number[] = []
  while (drawn.length < count && rest.length > 0) drawn.push(...rest.splice(random.below(rest.length), 1))
  return drawn
}
