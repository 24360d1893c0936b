/** Closing a connection as a crash of its other end does: at once, and with a reset. */
import type { Socket } from 'node:net'

/**
 * Node refuses to reset a socket that is just being shut down (EINVAL); it then neither closes its handle nor can the process end, which waits for that
 * for ever. Such a socket is closed: its end was told already that nothing more comes.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
