/** What a TLS client sends first, caught, cut into pieces, and cut into records. */

import { connect as connectTcp, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'

/** The first flight of a client with these options: its ClientHello, in records. */
export async function firstFlight(options: ConnectionOptions = {}): Promise<Buffer> {
  const caught = Promise.withResolvers<Buffer>()
  const nowhere = new Duplex({
    read(): void {},
    write(chunk, _encoding, done): void {
      caught.resolve(chunk)
      done()
    },
  })
  const client = connect({ socket: nowhere, servername: 'service.test', rejectUnauthorized: false, ...options })
  client.on('error', () => {})
  try {
    return await caught.promise
  } finally {
    client.destroy()
    nowhere.destroy()
  }
}

/** The handshake message in these records. */
export function messageOf(flight: Buffer): Buffer {
  const fragments: Buffer[] = []
  for (let at = 0; at + 5 <= flight.length; ) {
    const end = at + 5 + flight.readUInt16BE(at + 3)
    fragments.push(flight.subarray(at + 5, end))
    at = end
  }
  return Buffer.concat(fragments)
}

/** A message in records that end where told, and at its end; a longer stretch is cut at the longest record. */
export function inRecords(message: Buffer, ends: readonly number[] = []): Buffer {
  return Buffer.concat(
    piecesOf(message, ends)
      .flatMap((piece) => piecesOf(piece, everyBytes(piece.length, 16_384)))
      .flatMap((fragment) => [Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 0xff]), fragment]),
  )
}

/** Where to cut `length` bytes into pieces of `size`. */
export const everyBytes = (length: number, size: number): number[] =>
  Array.from({ length: Math.max(0, Math.ceil(length / size) - 1) }, (_, index) => (index + 1) * size)

export interface Cutting {
  /** Replaces the first flight by these pieces. */
  readonly cut: (flight: Buffer) => readonly Buffer[]
  /** Resolves when the server has so many bytes, so that the next piece is one of its own. */
  readonly arrived: (byteCount: number) => Promise<void>
}

/** A TCP connection whose first write is sent in pieces, each on its own. */
export class CutSocket extends Duplex {
  readonly tcp: Socket
  readonly #cutting: Cutting
  #first = true

  constructor(port: number, cutting: Cutting) {
    super()
    this.#cutting = cutting
    this.tcp = connectTcp({ port, host: '127.0.0.1', noDelay: true })
    this.tcp.on('data', (chunk) => this.push(chunk))
    this.tcp.on('end', () => this.push(null))
    this.tcp.on('error', (error) => this.destroy(error))
    this.tcp.on('close', () => this.destroy())
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#first) {
      this.#first = false
      this.#send(this.#cutting.cut(chunk)).then(() => done(), done)
    } else this.tcp.write(chunk, done)
  }

  override _final(done: () => void): void {
    this.tcp.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.tcp.destroy()
    done(error)
  }

  async #send(pieces: readonly Buffer[]): Promise<void> {
    let sent = 0
    for (const piece of pieces) {
      await this.#cutting.arrived(sent)
      this.tcp.write(piece)
      sent += piece.length
    }
  }
}

/** Cut bytes where told. */
export function piecesOf(bytes: Buffer, ends: readonly number[]): Buffer[] {
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}
