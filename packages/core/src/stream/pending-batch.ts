/**
 * The deltas of one stream that wait for their frame.
 *
 * Deltas of the same session become one record (they merge like any two records), so that a session that is written faster
 * than frames leave costs one delta a frame. All versions stay as they are: the merged record lists the latest of each
 * portion and its frontier includes every write that went into it, so whoever waits for copies of an earlier one is
 * answered by the same frame.
 */
import type { SessionKey } from '../session/id.ts'
import { mergeRecords } from '../session/merge.ts'
import type { SessionRecord } from '../session/record.ts'
import { isReference } from '../session/record.ts'
import type { Tenure } from '../session/version.ts'
import { RecordBatchWriter, recordWireBytes, TENURE_WIRE_BYTES } from '../wire/record-codec.ts'

export class PendingBatch {
  readonly #records = new Map<SessionKey, SessionRecord>()
  readonly #tenures = new Set<Tenure>()
  /** Most of a stream was written in one. */
  #lastTenure: Tenure | undefined
  #recordBytes = 0
  /** Somebody waits for copies of what is in it. */
  ackNow = false

  get count(): number {
    return this.#records.size
  }

  /** At most this many bytes on the wire. */
  get bytesMax(): number {
    return this.#recordBytes + this.#tenures.size * TENURE_WIRE_BYTES
  }

  /**
   * Add a delta of `bytes` bytes on the wire. Its values must not change until `write`.
   * @returns how many more records there are: none if it merged.
   */
  add(key: SessionKey, delta: SessionRecord, bytes: number): 0 | 1 {
    this.#noteTenures(delta)
    const before = this.#records.get(key)
    if (before === undefined) {
      this.#records.set(key, delta)
      this.#recordBytes += bytes
      return 1
    }
    const { record } = mergeRecords(before, delta)
    this.#records.set(key, record)
    this.#recordBytes += recordWireBytes(key, record) - recordWireBytes(key, before)
    return 0
  }

  #noteTenures(record: SessionRecord): void {
    if (record.kind === 'dropped') return
    for (const { tenure } of record.frontier) this.#note(tenure)
    this.#note(record.expiry.version.tenure)
    for (const { version, value } of record.portions.values()) {
      this.#note(version.tenure)
      if (isReference(value)) this.#note(value.number.tenure)
    }
  }

  #note(tenure: Tenure): void {
    if (tenure === this.#lastTenure) return
    this.#lastTenure = tenure
    this.#tenures.add(tenure)
  }

  /** As bytes for who speaks this version of the wire, deadlines relative to `nowMs`. */
  write(nowMs: number, wire: number): RecordBatchWriter {
    const batch = new RecordBatchWriter(wire)
    for (const [key, record] of this.#records) batch.add(key, record, nowMs)
    return batch
  }
}
