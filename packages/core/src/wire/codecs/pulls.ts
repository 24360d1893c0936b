/** Fetching one session, or one chunk of a large value. */
import { PORTION_NAME_BYTES_MAX, PORTIONS_MAX } from '../../constants.ts'
import { WireError } from '../../errors.ts'
import { chunkKey, chunkName } from '../../session/blob.ts'
import type { SessionKey } from '../../session/id.ts'
import type { Version } from '../../session/version.ts'
import type { Reader, Writer } from '../bytes.ts'
import { readFlag, readList, writeList, writeRecords } from '../fields.ts'
import type { AnswerStatus } from '../messages.ts'
import { readRecords } from '../record-codec.ts'
import type { Codecs } from './codec.ts'

export const pullCodecs: Codecs<'pull' | 'answer' | 'pull-chunk'> = {
  pull: {
    number: 14,
    write(m, out) {
      out.varint(m.request)
      out.latin1(m.key)
      out.u8(m.portions === undefined ? 0 : 1)
      if (m.portions !== undefined) writeList(out, m.portions, (name) => out.text(name))
      writeList(out, m.have, ({ name, version }) => {
        out.text(name)
        writeVersion(out, version)
      })
    },
    read(r) {
      const request = r.varint()
      const key = r.latin1() as SessionKey
      if (key.length === 0) throw new WireError('a pull without an id')
      const named = r.u8()
      if (named > 1) throw new WireError(`unknown pull scope ${named}`)
      const name = (): string => r.text(PORTION_NAME_BYTES_MAX)
      const portions = named === 1 ? readList(r, PORTIONS_MAX, 1, name) : undefined
      const have = readList(r, PORTIONS_MAX, 5, () => ({ name: name(), version: readVersion(r) }))
      return { type: 'pull', request, key, portions, have }
    },
  },
  answer: {
    number: 15,
    write(m, out, nowMs, wire) {
      out.varint(m.request)
      out.u8(STATUSES.indexOf(m.status))
      out.u8(m.ready ? 1 : 0)
      writeRecords(out, m.records, nowMs, wire)
    },
    read(r, nowMs) {
      const request = r.varint()
      const status = STATUSES[r.u8()]
      if (status === undefined) throw new WireError('unknown answer status')
      const ready = readFlag(r)
      const records = readRecords(r, nowMs)
      if (records.length !== (status === 'found' ? 1 : 0))
        throw new WireError('an answer has one record if it found it')
      return { type: 'answer', request, status, ready, records }
    },
  },
  'pull-chunk': {
    number: 26,
    write(m, out) {
      const { session, portion, number, index } = chunkName(m.key)
      out.varint(m.request)
      out.latin1(session)
      out.text(portion)
      writeVersion(out, number)
      out.varint(index)
    },
    read(r) {
      const request = r.varint()
      const session = r.latin1() as SessionKey
      const portion = r.text(PORTION_NAME_BYTES_MAX)
      if (session.length === 0 || portion.length === 0) throw new WireError('a pull of a chunk without a name')
      const number = readVersion(r)
      if (number.tenure.epoch !== 0) throw new WireError('a blob number of another shape')
      return { type: 'pull-chunk', request, key: chunkKey({ session, portion, number, index: r.varint() }) }
    },
  },
}

function writeVersion(out: Writer, version: Version): void {
  out.varint(version.tenure.epoch)
  out.text(version.tenure.node)
  out.u48(version.tenure.incarnation)
  out.varint(version.seq)
}

function readVersion(r: Reader): Version {
  return { tenure: { epoch: r.counter(), node: r.text(), incarnation: r.u48() }, seq: r.counter() }
}

const STATUSES: readonly AnswerStatus[] = ['found', 'absent', 'evicted']
