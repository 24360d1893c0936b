/** One message on the wire: its number, and how its fields are written and read. */
import type { Reader, Writer } from '../bytes.ts'
import type { Message } from '../messages.ts'

export interface Codec<M extends Message> {
  readonly number: number
  write(message: M, out: Writer, nowMs: number, wire: number): void
  read(reader: Reader, nowMs: number, wire: number): M
}

/** Of these messages, by type. */
export type Codecs<Type extends Message['type']> = {
  readonly [T in Type]: Codec<Extract<Message, { type: T }>>
}
