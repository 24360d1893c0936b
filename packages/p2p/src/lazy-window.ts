/**
 * Window updates when they are needed.
 *
 * `@libp2p/yamux` 8.0 answers every piece of data with an update of the receive window: a record, a system call at each end
 * and a wake-up for each message, as much as the message itself costs. A sender needs one only when it may run out.
 */

interface Windowed {
  sendWindowUpdate?: () => void
  /** The size of the window, and what the sender may still send of it, in bytes. */
  readonly recvWindow?: number
  readonly recvWindowCapacity?: number
}

/**
 * Let a stream tell its sender of more room when half of the window is used.
 * @returns whether it is a stream on which that can be told.
 */
export const updateWindowLazily = (stream: object): boolean => {
  const windowed = stream as Windowed
  const { sendWindowUpdate } = windowed
  if (typeof sendWindowUpdate !== 'function' || typeof windowed.recvWindow !== 'number') return false
  let isFirst = true
  windowed.sendWindowUpdate = () => {
    const { recvWindow = 0, recvWindowCapacity = 0 } = windowed
    // The first one may be what accepts the stream.
    if (!isFirst && 2 * recvWindowCapacity > recvWindow) return
    isFirst = false
    sendWindowUpdate.call(windowed)
  }
  return true
}
