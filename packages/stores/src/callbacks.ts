/** Promises with an optional callback, as stores of express have it. */

/** Called exactly once, with an error or with a result. */
export type Callback<Result = void> = (error?: unknown, result?: Result) => void

/**
 * Answer by the callback if there is one, otherwise by the promise. A callback is called from a turn of its own, so that what
 * it throws is its caller's and not taken for a failure of the store.
 */
export function answer<Result>(
  work: Promise<Result>,
  callback: Callback<Result> | undefined,
): Promise<Result> | undefined {
  if (callback === undefined) return work
  work.then(
    (result) => queueMicrotask(() => callback(null, result)),
    (error: unknown) => queueMicrotask(() => callback(error)),
  )
  return undefined
}
