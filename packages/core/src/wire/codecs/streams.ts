/** Streams of frames: who listens, how far, what is missing, and what is repaired. */
import { NACK_RANGES_MAX, SHARD_COUNT } from '../../constants.ts'
import { WireError } from '../../errors.ts'
import type { Range } from '../../stream/ranges.ts'
import type { Reader } from '../bytes.ts'
import {
  checkShard,
  readList,
  readNode,
  readShard,
  readStreams,
  writeList,
  writeRecords,
  writeStreams,
} from '../fields.ts'
import { readRecords } from '../record-codec.ts'
import type { Codecs } from './codec.ts'

export const streamCodecs: Codecs<
  'join' | 'hello' | 'leave' | 'ack' | 'nack' | 'gone' | 'eject' | 'repair' | 'probe' | 'push'
> = {
  join: {
    number: 5,
    write(m, out) {
      out.u48(m.incarnation)
      writeList(out, m.shards, (shard) => out.u16(shard))
    },
    read: (r) => ({ type: 'join', incarnation: r.u48(), shards: readList(r, SHARD_COUNT, 2, () => readShard(r)) }),
  },
  hello: {
    number: 6,
    write(m, out) {
      out.u48(m.incarnation)
      writeStreams(out, m.streams)
    },
    read: (r) => ({ type: 'hello', incarnation: r.u48(), streams: readStreams(r) }),
  },
  leave: {
    number: 7,
    write(m, out) {
      out.u48(m.incarnation)
      writeList(out, m.shards, (shard) => out.u16(shard))
    },
    read: (r) => ({ type: 'leave', incarnation: r.u48(), shards: readList(r, SHARD_COUNT, 2, () => readShard(r)) }),
  },
  ack: {
    number: 8,
    write(m, out) {
      out.u48(m.incarnation)
      writeList(out, m.positions, (position) => {
        out.u16(position.shard | (position.ready ? ACK_READY : 0))
        out.varint(position.number)
      })
    },
    read: (r) => ({
      type: 'ack',
      incarnation: r.u48(),
      positions: readList(r, SHARD_COUNT, 3, () => {
        const word = r.u16()
        return { shard: checkShard(word & ~ACK_READY), ready: (word & ACK_READY) !== 0, number: r.varint() }
      }),
    }),
  },
  nack: {
    number: 9,
    write(m, out) {
      out.u48(m.incarnation)
      out.u16(m.shard)
      writeList(out, m.ranges, (range) => {
        out.varint(range.from)
        out.varint(range.to - range.from)
      })
    },
    read: (r) => ({ type: 'nack', incarnation: r.u48(), shard: readShard(r), ranges: readRanges(r) }),
  },
  gone: {
    number: 10,
    write(m, out) {
      out.u48(m.incarnation)
      out.u16(m.shard)
      out.varint(m.upTo)
    },
    read: (r) => ({ type: 'gone', incarnation: r.u48(), shard: readShard(r), upTo: r.varint() }),
  },
  eject: {
    number: 30,
    write(m, out) {
      out.text(m.node)
      out.text(m.sender)
      out.u48(m.incarnation)
      writeList(out, m.shards, (shard) => out.u16(shard))
    },
    read: (r) => ({
      type: 'eject',
      node: readNode(r),
      sender: readNode(r),
      incarnation: r.u48(),
      shards: readList(r, SHARD_COUNT, 2, () => readShard(r)),
    }),
  },
  repair: {
    number: 11,
    write(m, out) {
      out.varint(m.ageMs)
      out.raw(m.frame)
    },
    read: (r) => ({ type: 'repair', ageMs: r.varint(), frame: r.raw(r.remaining) }),
  },
  probe: {
    number: 12,
    write(m, out) {
      out.u48(m.incarnation)
      writeStreams(out, m.streams)
    },
    read: (r) => ({ type: 'probe', incarnation: r.u48(), streams: readStreams(r) }),
  },
  push: {
    number: 13,
    write: (m, out, nowMs, wire) => writeRecords(out, m.records, nowMs, wire),
    read: (r, nowMs) => ({ type: 'push', records: readRecords(r, nowMs) }),
  },
}

function readRanges(r: Reader): Range[] {
  let floor = 0
  return readList(r, NACK_RANGES_MAX, 2, () => {
    const from = r.varint()
    const to = from + r.varint()
    if (from <= floor || !Number.isSafeInteger(to)) throw new WireError('ranges must be rising and apart')
    floor = to
    return { from, to }
  })
}

const ACK_READY = 0x8000
