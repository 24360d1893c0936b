/** Waiting for others, never for ever. */

/** What `within` resolves with when time is up. */
export const LATE: unique symbol = Symbol('late')

/**
 * Start something that others do, and wait for it at most `ms` milliseconds. What comes later is dropped, a late
 * rejection included; one in time rejects, and so does a throw. With `ref: false` the waiting does not keep the
 * process.
 */
export async function within<Value>(
  ms: number,
  start: () => Promise<Value>,
  { ref = true }: { readonly ref?: boolean } = {},
): Promise<Value | typeof LATE> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, ms, LATE)
    if (!ref) timer.unref()
  })
  try {
    return await Promise.race([start(), late])
  } finally {
    clearTimeout(timer)
  }
}
