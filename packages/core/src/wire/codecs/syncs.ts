/** Making two holders of a shard equal. */
import { BUCKETS_PER_SHARD, SYNC_ITEMS_MAX, SYNC_WANT_MAX } from '../../constants.ts'
import { WireError } from '../../errors.ts'
import type { Reader } from '../bytes.ts'
import { readBucket, readFlag, readHash, readList, readShard, writeHash, writeList, writeRecords } from '../fields.ts'
import { readRecords } from '../record-codec.ts'
import type { Codecs } from './codec.ts'

type SyncType = 'sync-ask' | 'sync-offer' | 'sync-list' | 'sync-items' | 'sync-want' | 'sync-records'

export const syncCodecs: Codecs<SyncType> = {
  'sync-ask': {
    number: 16,
    write(m, out) {
      out.varint(m.session)
      out.u16(m.shard)
      out.u8(m.scope === 'holder' ? 0 : 1)
      writeList(out, m.digests, (digest) => writeHash(out, digest))
    },
    read: (r) => ({
      type: 'sync-ask',
      session: r.varint(),
      shard: readShard(r),
      scope: readFlag(r) ? 'own' : 'holder',
      digests: readList(r, BUCKETS_PER_SHARD, 8, () => readHash(r)),
    }),
  },
  'sync-offer': {
    number: 17,
    write(m, out) {
      out.varint(m.session)
      out.u8(m.ready ? 1 : 0)
      writeList(out, m.positions, (position) => {
        out.text(position.sender)
        out.u48(position.incarnation)
        out.varint(position.number)
      })
      writeList(out, m.buckets, ({ bucket, parts }) => {
        out.u16(bucket)
        out.varint(parts)
      })
    },
    read: (r) => ({
      type: 'sync-offer',
      session: r.varint(),
      ready: readFlag(r),
      positions: readList(r, POSITIONS_MAX, 8, () => ({
        sender: r.text(),
        incarnation: r.u48(),
        number: r.varint(),
      })),
      buckets: readList(r, BUCKETS_PER_SHARD, 3, () => ({ bucket: readBucket(r), parts: readParts(r) })),
    }),
  },
  'sync-list': {
    number: 18,
    write(m, out) {
      out.varint(m.session)
      out.u8(m.scope === 'holder' ? 0 : 1)
      out.u16(m.bucket)
      out.varint(m.part)
      out.varint(m.parts)
    },
    read: (r) => ({
      type: 'sync-list',
      session: r.varint(),
      scope: readFlag(r) ? 'own' : 'holder',
      bucket: readBucket(r),
      part: r.varint(),
      parts: readParts(r),
    }),
  },
  'sync-items': {
    number: 19,
    write(m, out) {
      out.varint(m.session)
      out.u16(m.bucket)
      out.varint(m.part)
      writeList(out, m.items, (item) => {
        writeHash(out, item.key)
        writeHash(out, item.meta)
      })
    },
    read: (r) => ({
      type: 'sync-items',
      session: r.varint(),
      bucket: readBucket(r),
      part: r.varint(),
      items: readList(r, SYNC_ITEMS_MAX, 16, () => ({ key: readHash(r), meta: readHash(r) })),
    }),
  },
  'sync-want': {
    number: 20,
    write(m, out) {
      out.varint(m.session)
      out.u16(m.bucket)
      writeList(out, m.keys, (key) => writeHash(out, key))
    },
    read: (r) => ({
      type: 'sync-want',
      session: r.varint(),
      bucket: readBucket(r),
      keys: readList(r, SYNC_WANT_MAX, 8, () => readHash(r)),
    }),
  },
  'sync-records': {
    number: 21,
    write(m, out, nowMs, wire) {
      out.varint(m.session)
      out.varint(m.done)
      writeRecords(out, m.records, nowMs, wire)
    },
    read: (r, nowMs) => ({
      type: 'sync-records',
      session: r.varint(),
      done: r.varint(),
      records: readRecords(r, nowMs),
    }),
  },
}

function readParts(r: Reader): number {
  const parts = r.varint()
  if (parts < 1 || parts > PARTS_MAX) throw new WireError(`a bucket in ${parts} parts`)
  return parts
}

/** Positions in one offer: members times the lives of theirs that are still remembered. */
const POSITIONS_MAX = 8192
/** A bucket of so many parts would hold a hundred million records. */
const PARTS_MAX = 65_536
