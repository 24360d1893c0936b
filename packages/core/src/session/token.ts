/**
 * The version token: proof of one write, carried by the application between nodes (rule V3).
 *
 * A copy meets a token when it has merged that write, when it belongs to a later birth, or when the session was dropped.
 * A plain number would not do: two primaries may both have written number 50.
 */
import { Buffer } from 'node:buffer'
import { UsageError, WireError } from '../errors.ts'
import type { VersionToken } from '../source.ts'
import { Reader, Writer } from '../wire/bytes.ts'
import type { SessionRecord } from './record.ts'
import type { Birth, Version } from './version.ts'
import { compareBirths, covers } from './version.ts'

export interface WriteProof {
  readonly birth: Birth
  readonly version: Version
}

export function encodeToken(proof: WriteProof): VersionToken {
  writer.reset()
  writer.u8(TOKEN_FORMAT)
  writer.varint(proof.birth.generation)
  writer.u48(proof.birth.random)
  writer.varint(proof.version.tenure.epoch)
  writer.text(proof.version.tenure.node)
  writer.varint(proof.version.tenure.incarnation)
  writer.varint(proof.version.seq)
  return writer.toText('base64url') as VersionToken
}

/** @throws UsageError when the text is no token of this or an earlier version of Reprise. */
export function decodeToken(token: VersionToken): WriteProof {
  try {
    const reader = new Reader(Buffer.from(token, 'base64url'))
    if (reader.u8() !== TOKEN_FORMAT) throw new WireError('unknown token format')
    const birth = { generation: reader.varint(), random: reader.u48() }
    const tenure = { epoch: reader.varint(), node: reader.text(), incarnation: reader.varint() }
    const proof = { birth, version: { tenure, seq: reader.varint() } }
    reader.end()
    return proof
  } catch (cause) {
    throw new UsageError('minVersion is not a version token: pass what commit() returned', { cause })
  }
}

export function meetsProof(record: SessionRecord, proof: WriteProof): boolean {
  const births = compareBirths(record.birth, proof.birth)
  if (births !== 0) return births > 0
  // As in merging, a tenure that eight later ones pushed out of the frontier counts as included; a token must not become
  // unmeetable because the session went on for long.
  return record.kind === 'dropped' || covers(record.frontier, [proof.version])
}

const TOKEN_FORMAT = 1
/** Every commit makes a token, and it is text when it leaves here: one memory does for all. */
const writer = new Writer()
