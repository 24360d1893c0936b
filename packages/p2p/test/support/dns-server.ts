/** A DNS server on loopback with the records that a test gives it, which may change while it runs. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Answer, decode, encode, RECURSION_DESIRED } from 'dns-packet'

export class DnsServer implements AsyncDisposable {
  readonly #socket: Socket
  /** What it answers with. */
  records: readonly Answer[]
  /** Names that were asked for, oldest first. */
  readonly asked: string[] = []

  private constructor(socket: Socket, records: readonly Answer[]) {
    this.#socket = socket
    this.records = records
    socket.on('message', (bytes, from) => {
      const { id, questions = [] } = decode(bytes)
      const [question] = questions
      if (question === undefined) return
      const { name, type } = question
      this.asked.push(name)
      const answers = this.records.filter((record) => record.name === name && record.type === type)
      // 3: there is no such name.
      const flags = RECURSION_DESIRED | (this.records.some((record) => record.name === name) ? 0 : 3)
      socket.send(encode({ type: 'response', id: id ?? 0, flags, questions, answers }), from.port, from.address)
    })
  }

  static async start(records: readonly Answer[]): Promise<DnsServer> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new DnsServer(socket, records)
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}
