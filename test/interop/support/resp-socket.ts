/** A conversation with a server of RESP over a socket, whichever server it is. */
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { multibulk } from '../../../packages/gateways/test/support/resp-client.ts'
import type { RespServer } from '../../../packages/gateways/test/support/transcript.ts'

export class SocketConversation implements RespServer {
  readonly #to: NetConnectOpts
  #socket: Socket | undefined
  #received = ''
  #isOver = true
  #wake: () => void = () => {}
  #asked = 0

  constructor(to: NetConnectOpts) {
    this.#to = to
  }

  async connect(): Promise<void> {
    this.close()
    const socket = connect(this.#to)
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#received += text
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#isOver = true
      this.#wake()
    })
    this.#socket = socket
    this.#received = ''
    this.#isOver = false
    await once(socket, 'connect')
  }

  /** Behind the bytes a command goes that there is not: its error, which is told in any state, says that the replies are there. */
  async exchange(bytes: Buffer): Promise<{ reply: Buffer; isOver: boolean }> {
    const name = `end-${++this.#asked}`
    const end = `-ERR unknown command '${name}', with args beginning with: \r\n`
    this.#socket?.write(Buffer.concat([bytes, multibulk([name])]))
    while (!this.#isOver && !this.#received.endsWith(end)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const isWhole = this.#received.endsWith(end)
    const reply = Buffer.from(isWhole ? this.#received.slice(0, -end.length) : this.#received, 'latin1')
    this.#received = ''
    return { reply, isOver: !isWhole }
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }
}
