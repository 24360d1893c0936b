/** Comparing the copies of shards without changing them. */
import { BUCKETS_PER_SHARD, CHECK_BUCKETS_MAX, CHECK_EDGES_MAX, SHARD_COUNT } from '../../constants.ts'
import { WireError } from '../../errors.ts'
import type { Reader, Writer } from '../bytes.ts'
import { readBucket, readHash, readList, readShard, writeHash, writeList } from '../fields.ts'
import type { CopyState } from '../messages.ts'
import type { Codecs } from './codec.ts'

export const checkCodecs: Codecs<'check-ask' | 'check-answer' | 'check-look' | 'check-seen'> = {
  'check-ask': {
    number: 34,
    write: (m, out) => out.varint(m.check),
    read: (r) => ({ type: 'check-ask', check: r.varint() }),
  },
  'check-answer': {
    number: 35,
    write(m, out) {
      out.varint(m.check)
      writeList(out, m.copies, (copy) => {
        out.u16(copy.shard)
        writeCopyState(out, copy)
        out.varint(copy.evicted)
        writeList(out, copy.digests, (digest) => writeHash(out, digest))
      })
    },
    read: (r) => ({
      type: 'check-answer',
      check: r.varint(),
      copies: readList(r, SHARD_COUNT, 5, () => ({
        shard: readShard(r),
        ...readCopyState(r),
        evicted: r.varint(),
        digests: readList(r, BUCKETS_PER_SHARD, 8, () => readHash(r)),
      })),
    }),
  },
  'check-look': {
    number: 36,
    write(m, out) {
      out.varint(m.check)
      out.varint(m.round)
      writeList(out, m.buckets, (bucket) => out.u16(bucket))
    },
    read: (r) => ({
      type: 'check-look',
      check: r.varint(),
      round: r.varint(),
      buckets: readList(r, CHECK_BUCKETS_MAX, 2, () => readBucket(r)),
    }),
  },
  'check-seen': {
    number: 37,
    write(m, out) {
      out.varint(m.check)
      out.varint(m.round)
      writeList(out, m.copies, (copy) => {
        out.u16(copy.bucket)
        writeCopyState(out, copy)
        writeHash(out, copy.firm)
        writeList(out, copy.above, (meta) => writeHash(out, meta))
        writeList(out, copy.below, (meta) => writeHash(out, meta))
      })
    },
    read: (r) => ({
      type: 'check-seen',
      check: r.varint(),
      round: r.varint(),
      copies: readList(r, CHECK_BUCKETS_MAX, 13, () => ({
        bucket: readBucket(r),
        ...readCopyState(r),
        firm: readHash(r),
        above: readList(r, CHECK_EDGES_MAX, 8, () => readHash(r)),
        below: readList(r, CHECK_EDGES_MAX, 8, () => readHash(r)),
      })),
    }),
  },
}

function writeCopyState(out: Writer, { isCounted, isSure }: CopyState): void {
  out.u8((isCounted ? COPY_COUNTED : 0) | (isSure ? COPY_SURE : 0))
}

function readCopyState(r: Reader): CopyState {
  const bits = r.u8()
  if (bits > (COPY_COUNTED | COPY_SURE)) throw new WireError(`a copy in an unknown state ${bits}`)
  return { isCounted: (bits & COPY_COUNTED) !== 0, isSure: (bits & COPY_SURE) !== 0 }
}

const COPY_COUNTED = 1
const COPY_SURE = 2
