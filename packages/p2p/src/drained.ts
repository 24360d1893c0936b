/** Waiting until a stream takes more bytes. */
import type { Stream } from '@libp2p/interface'

/**
 * Resolves when the stream can be written again; rejects when it ends first, whoever ends it. The watchdog ends streams
 * that never drain, so this wait has a deadline.
 *
 * Not `stream.onDrain()`: its promise is made once and stays resolved, so from the second full buffer on it waits for nothing
 * and the buffer grows without bound (libp2p 3.3). The event is right each time.
 */
export const drained = (stream: Stream): Promise<void> => {
  if (!stream.writableNeedsDrain) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      stream.removeEventListener('drain', onDrain)
      stream.removeEventListener('close', onClose)
    }
    const onDrain = (): void => {
      settle()
      resolve()
    }
    const onClose = (event: { readonly error?: Error }): void => {
      settle()
      reject(event.error ?? new Error('the stream ended before it drained'))
    }
    stream.addEventListener('drain', onDrain)
    stream.addEventListener('close', onClose)
  })
}
