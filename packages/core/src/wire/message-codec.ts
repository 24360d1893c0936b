/**
 * Every message as bytes; the number and the fields of each are in `codecs/`, writing and reading side by side.
 *
 * A message is its number (one byte) and its fields in the order written there; the shapes of numbers, bytes and text are in
 * `bytes.ts`, those that several messages have in `fields.ts`, those of records in `record-codec.ts`. Numbers are never used
 * again for something else: a later version adds messages, or writes one differently to links that speak it. Golden vectors in
 * the tests hold every one of them still.
 */
import { WIRE_VERSION } from '../constants.ts'
import { WireError } from '../errors.ts'
import { Reader, Writer } from './bytes.ts'
import { checkCodecs } from './codecs/checks.ts'
import type { Codec, Codecs } from './codecs/codec.ts'
import { memberCodecs } from './codecs/members.ts'
import { pullCodecs } from './codecs/pulls.ts'
import { streamCodecs } from './codecs/streams.ts'
import { syncCodecs } from './codecs/syncs.ts'
import type { Message } from './messages.ts'

/** Encode a message for a link of this wire version; deadlines in its records are taken relative to `nowMs`. */
export function encodeMessage(message: Message, nowMs: number, wire: number = WIRE_VERSION): Uint8Array {
  const codec = byType[message.type] as Codec<Message>
  const out = new Writer()
  out.u8(codec.number)
  codec.write(message, out, nowMs, wire)
  return out.finish()
}

/** @throws WireError */
export function decodeMessage(bytes: Uint8Array, nowMs: number, wire: number = WIRE_VERSION): Message {
  const reader = new Reader(bytes)
  const number = reader.u8()
  const codec = byNumber[number]
  if (codec === undefined || (wire < 2 && number > NUMBER_MAX_WIRE_1)) throw new WireError(`unknown message ${number}`)
  const message = codec.read(reader, nowMs, wire)
  reader.end()
  return message
}

const byType: Codecs<Message['type']> = {
  ...memberCodecs,
  ...streamCodecs,
  ...pullCodecs,
  ...syncCodecs,
  ...checkCodecs,
}

const byNumber: (Codec<Message> | undefined)[] = []
for (const codec of Object.values(byType)) byNumber[codec.number] = codec as Codec<Message>

/** Messages above this number are unknown to wire 1. */
const NUMBER_MAX_WIRE_1 = 21
