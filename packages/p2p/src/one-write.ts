/**
 * One write per turn of a connection, whatever its streams wrote.
 *
 * A muxer hands each of its frames to the encrypted connection as a header and a body, and `@libp2p/tls` writes each as a
 * record of its own, with a system call: four for a message and its answer where one each would do, and hundreds in a turn in
 * which a node publishes to many. Both sockets of a connection, the one that encrypts and the one below, are therefore
 * corked while a turn writes to them, which puts it all together.
 */
import type { ConnectionEncrypter } from '@libp2p/interface'

/** The sockets are public fields of libp2p's classes that its types do not show. */
interface Corkable {
  cork(): void
  uncork(): void
}

interface Sender {
  socket?: Partial<Corkable>
  sendData?: (data: unknown) => unknown
}

/** The encrypter, with connections that write once per turn. */
export const writeOncePerTurn =
  <C>(factory: (components: C) => ConnectionEncrypter) =>
  (components: C): ConnectionEncrypter => {
    const encrypter = factory(components)
    for (const name of ['secureInbound', 'secureOutbound'] as const) {
      const secure = encrypter[name].bind(encrypter)
      encrypter[name] = async (connection: Parameters<typeof secure>[0], options: Parameters<typeof secure>[1]) => {
        corkTurns(connection)
        const secured = await secure(connection, options)
        corkTurns(secured.connection)
        return secured
      }
    }
    return encrypter
  }

/** Cork the socket of a connection when it is written to, until the turn ends. @returns whether it has one to cork. */
export const corkTurns = (connection: object): boolean => {
  const sender = connection as Sender
  const { socket, sendData } = sender
  if (typeof socket?.cork !== 'function' || typeof socket.uncork !== 'function' || sendData === undefined) return false
  const { cork, uncork } = socket as Corkable
  let isCorked = false
  sender.sendData = (data) => {
    if (!isCorked) {
      isCorked = true
      cork.call(socket)
      // The lanes write in microtasks; this runs when none is left.
      process.nextTick(() => {
        isCorked = false
        uncork.call(socket)
      })
    }
    return sendData.call(sender, data)
  }
  return true
}
