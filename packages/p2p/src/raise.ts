/**
 * Let a bug of the owner's handler end the process.
 *
 * Handlers are called from deep inside libp2p, which would swallow what they throw, or take it for the peer's fault. A broken
 * invariant must not end as a lost frame or a cut connection.
 */
export const raise = (bug: unknown): void => {
  process.nextTick(() => {
    throw bug
  })
}
