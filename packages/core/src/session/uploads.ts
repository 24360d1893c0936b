/**
 * Commits with large values: first the values to their holders, then the head that names them (rule B1).
 *
 * ```
 *  commit ─► waiting ─► uploading: chunks in a window, each acknowledged ─► publish: version, head, copies
 *            behind an      │ time is up, cancelled, refused
 *            earlier one    └──────────────────────────► failed: what was sent is dropped
 * ```
 *
 * The version is taken when everything the head names is with as many ready holders as the commit wants, one if it wants
 * none and one is here. So a writer that dies on the way leaves chunks that nobody names, never a head that names chunks
 * which nobody has. Commits of one session keep their order: those behind an upload wait for it, small or large.
 */
import { BLOB_CHUNK_BYTES, OUTSIDE_WIRE, UPLOAD_BYTES_MAX, UPLOAD_WINDOW_BYTES, UPLOADS_MAX } from '../constants.ts'
import type { Context } from '../context.ts'
import { CopiesError, LimitError, RepriseError, UsageError } from '../errors.ts'
import type { CopiesWait } from '../stream/copies-waits.ts'
import { blobTenure, chunkCount, chunkKey, chunkRecord } from './blob.ts'
import type { SessionKey } from './id.ts'
import { placeOutside } from './portion-sizes.ts'
import type { CommitCommand, PublishCommand } from './primary.ts'
import type { ABSENT, BlobReference, LiveRecord } from './record.ts'
import type { NodeId, Version } from './version.ts'

export interface UploadPorts {
  /** The live record that a commit changes. Throws when there is none. */
  writable(command: CommitCommand): LiveRecord
  /** Write the head, taking the version that is returned. Throws when the session is not there any more. */
  publish(command: PublishCommand, isSilent: boolean): Version
  enqueue(shard: number, key: SessionKey, record: LiveRecord, ackNow: boolean): number
  /** Publish what waits for the end of the turn now. @returns whether there was anything. */
  flush(): boolean
  awaitCopies(wait: CopiesWait): void
  /** Reachable members whose acknowledgements count for the shard, or are about to. */
  holders(shard: number): readonly NodeId[]
  /** Those whose acknowledgements count now. */
  readyHolders(shard: number): readonly NodeId[]
  /** Drop the chunks of blobs that no head names. */
  discard(key: SessionKey, record: LiveRecord, references: ReadonlyMap<string, BlobReference>): void
}

export class Uploads {
  readonly #context: Context
  readonly #ports: UploadPorts
  /** By session, in the order in which they came; the first of each uploads. */
  readonly #queues = new Map<SessionKey, Upload[]>()
  #count = 0
  /** Bytes of values of all that wait. */
  #bytes = 0
  /** Queues whose first has more to send than the window took. */
  readonly #starving = new Set<Upload[]>()
  #inFlightBytes = 0
  /** No commit is late before this. Every step asks; when it comes too early all are looked at once. */
  #dueMs = Number.POSITIVE_INFINITY
  #nextSeq = 1
  /** Numbers of this room's own waits: below those of any request. */
  #nextWait = -1
  /** Queues are being advanced further up, which goes on by itself. */
  #isAdvancing = false

  constructor(context: Context, ports: UploadPorts) {
    this.#context = context
    this.#ports = ports
  }

  /** Commits under way or waiting behind one, and the bytes of their values. */
  get count(): number {
    return this.#count
  }
  get bytes(): number {
    return this.#bytes
  }

  isUploading(key: SessionKey): boolean {
    return this.#queues.size > 0 && this.#queues.has(key)
  }

  /** A number for a value that is sealed for it before it is committed. */
  takeNumber(): Version {
    return this.#number(this.#nextSeq++)
  }

  /** Take a commit. @throws LimitError, UsageError */
  add(command: CommitCommand): void {
    let bytes = 0
    for (const value of command.changes.values()) bytes += value?.length ?? 0
    if (this.#count >= UPLOADS_MAX) {
      const advice = 'large values come faster than they can be sent; wait for earlier commits before making more'
      throw new LimitError('UPLOADS_MAX', this.#count + 1, UPLOADS_MAX, advice)
    }
    if (this.#bytes + bytes > UPLOAD_BYTES_MAX) {
      const advice = 'large values come faster than they can be sent; wait for earlier commits before making more'
      throw new LimitError('UPLOAD_BYTES_MAX', this.#bytes + bytes, UPLOAD_BYTES_MAX, advice)
    }
    this.#assertTaken(command)
    const queue = this.#queues.get(command.key) ?? []
    const upload = new Upload(command, bytes, this.#context.nowMs + command.waitMs, queue)
    queue.push(upload)
    this.#queues.set(command.key, queue)
    this.#count++
    this.#bytes += bytes
    this.#dueMs = Math.min(this.#dueMs, upload.deadlineMs)
    this.#advance(queue)
  }

  /** @returns whether there was such a commit. It ends with `TIMEOUT`. */
  cancel(request: number): boolean {
    for (const queue of this.#queues.values()) {
      const upload = queue.find((one) => one.command.request === request && !one.isReported)
      if (upload === undefined) continue
      this.#fail(upload, timeout(upload))
      return true
    }
    return false
  }

  nextDueMs(): number {
    return this.#dueMs
  }

  tick(): void {
    if (this.#context.nowMs < this.#dueMs) return
    this.#dueMs = Number.POSITIVE_INFINITY
    for (const queue of [...this.#queues.values()]) {
      for (const upload of [...queue]) {
        if (this.#context.nowMs >= upload.deadlineMs) this.#fail(upload, timeout(upload))
        else this.#dueMs = Math.min(this.#dueMs, upload.deadlineMs)
      }
    }
  }

  /** @throws UsageError when a number was not taken here, in this life: it might be given twice. */
  #assertTaken({ numbers }: CommitCommand): void {
    const { self, incarnation } = this.#context
    for (const { tenure, seq } of numbers?.values() ?? []) {
      if (tenure.node === self && tenure.incarnation === incarnation && seq < this.#nextSeq) continue
      throw new UsageError('a value is sealed for a blob number that was not taken')
    }
  }

  #number(seq: number): Version {
    return { tenure: blobTenure(this.#context.self, this.#context.incarnation), seq }
  }

  /** Its turn has come. */
  #begin(upload: Upload): void {
    const { command } = upload
    upload.hasBegun = true
    try {
      const record = this.#ports.writable(command)
      const outside = placeOutside(record.portions, command, this.#context.sharedWire)
      this.#cut(upload, record, outside ?? NOTHING)
      this.#assertRoom(upload)
    } catch (error) {
      if (!(error instanceof RepriseError)) throw error
      this.#fail(upload, error)
      return
    }
    this.#assertHolders(upload)
    if (this.#context.lacks('blob-first')) this.#publish(upload)
  }

  #cut(upload: Upload, record: LiveRecord, outside: ReadonlySet<string>): void {
    const { key, changes, numbers } = upload.command
    upload.record = record
    for (const portion of outside) {
      const bytes = changes.get(portion)
      if (bytes === undefined || bytes === null) continue
      const number = numbers?.get(portion) ?? this.takeNumber()
      upload.references.set(portion, { number, byteLength: bytes.length })
      for (let index = 0; index < chunkCount(bytes.length); index++) {
        const name = chunkKey({ session: key, portion, number, index })
        upload.chunks.push({ key: name, shard: this.#context.table.shardOf(name), number, portion, index })
      }
    }
  }

  /** What is not at its holders yet may not be evicted, so it must leave room for everything else. @throws LimitError */
  #assertRoom({ chunks }: Upload): void {
    const { table } = this.#context
    if (chunks.length === 0) return
    const bytes = 2 * chunks.length * BLOB_CHUNK_BYTES
    const halfAdvice = 'large values may take half of the cache; raise cache.bytesMax'
    if (bytes > table.bytesMax) throw new LimitError('cache.bytesMax', bytes, table.bytesMax, halfAdvice)
    // What was not even published yet is pinned for no good reason.
    if (!table.isFull || this.#ports.flush()) return
    const fullAdvice = 'nothing in the cache may be evicted; raise cache.bytesMax, or add members'
    throw new LimitError('cache.bytesMax', table.bytes, table.bytesMax, fullAdvice)
  }

  /** Too few holders of any shard that it touches: said at once (rule A2). It is sent nevertheless, as small commits are. */
  #assertHolders(upload: Upload): void {
    const { key, copies } = upload.command
    const shards = new Set(upload.chunks.map(({ shard }) => shard)).add(this.#context.table.shardOf(key))
    for (const shard of shards) {
      const holders = this.#ports.holders(shard)
      if (holders.length >= copies) continue
      this.#report(upload, new CopiesError('NOT_ENOUGH_HOLDERS', { asked: copies, confirmed: [], silent: holders }))
      return
    }
  }

  /** Send what the window has room for, publish what is through, and go on with the next; then whoever waits for room. */
  #advance(queue: Upload[]): void {
    this.#starving.add(queue)
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    for (const hungry of this.#starving) {
      this.#starving.delete(hungry)
      while (this.#advanceFirst(hungry));
      if (this.#inFlightBytes >= UPLOAD_WINDOW_BYTES) break
    }
    this.#isAdvancing = false
  }

  /** @returns whether the first is over and another one's turn came. */
  #advanceFirst(queue: Upload[]): boolean {
    const [upload] = queue
    if (upload === undefined) return false
    if (!upload.hasBegun) this.#begin(upload)
    while (!upload.isOver && upload.next < upload.chunks.length) {
      if (this.#inFlightBytes >= UPLOAD_WINDOW_BYTES) {
        this.#starving.add(queue)
        return false
      }
      this.#sendChunk(upload, upload.chunks[upload.next++] as Chunk)
    }
    if (!upload.isOver && upload.unconfirmed === 0) this.#finish(upload)
    return upload.isOver
  }

  #sendChunk(upload: Upload, { key, shard, number, portion, index }: Chunk): void {
    const { table, nowMs } = this.#context
    const { record, command } = upload
    const value = command.changes.get(portion)
    if (record === undefined || value === undefined || value === null) return
    // A copy: a view would keep the whole value alive for the last of its chunks.
    const bytes = value.slice(index * BLOB_CHUNK_BYTES, (index + 1) * BLOB_CHUNK_BYTES)
    const chunk = chunkRecord(record.birth, number, record.expiry.absoluteAtMs, bytes)
    const asked = this.#asked(upload, shard)
    const frame = this.#ports.enqueue(shard, key, chunk, asked > 0)
    const entry = table.put(key, chunk, nowMs)
    entry.frame = frame
    // As of a session that this node is primary of: it stays here when the shard moves away.
    entry.tenure = number.tenure
    this.#await(upload, { key, shard, frame, byteLength: bytes.length })
  }

  #await(upload: Upload, sent: Sent): void {
    const asked = this.#asked(upload, sent.shard)
    if (asked === 0) return
    upload.unconfirmed++
    this.#inFlightBytes += sent.byteLength
    const end = (): boolean => {
      this.#inFlightBytes -= sent.byteLength
      upload.unconfirmed--
      return !upload.isOver
    }
    this.#ports.awaitCopies({
      request: this.#nextWait--,
      key: sent.key,
      shard: sent.shard,
      frame: sent.frame,
      asked,
      deadlineMs: upload.deadlineMs,
      onConfirmed: () => {
        if (end() || this.#starving.size > 0) this.#advance(upload.queue)
      },
      onFailed: (error) => {
        if (end()) this.#onUnconfirmed(upload, sent, error)
        else if (this.#starving.size > 0) this.#advance(upload.queue)
      },
    })
  }

  #onUnconfirmed(upload: Upload, sent: Sent, error: CopiesError): void {
    const wantsCopies = upload.command.copies > 0 && !upload.isReported
    if (error.code === 'NOT_ENOUGH_HOLDERS' && wantsCopies) {
      this.#report(upload, error)
      this.#await(upload, sent)
    } else if (wantsCopies || this.#asked(upload, sent.shard) > 0) {
      this.#fail(upload, error)
      return
    }
    this.#advance(upload.queue)
  }

  /** As many as the commit wants; if that is none, or cannot be had, one, provided that there is one. */
  #asked({ command, isReported }: Upload, shard: number): number {
    if (command.copies > 0 && !isReported) return command.copies
    return Math.min(1, this.#ports.readyHolders(shard).length)
  }

  #finish(upload: Upload): void {
    try {
      if (!upload.isPublished) this.#publish(upload)
    } catch (error) {
      if (!(error instanceof RepriseError)) throw error
      this.#fail(upload, error)
      return
    }
    this.#remove(upload)
  }

  #publish(upload: Upload): void {
    const { references, command, deadlineMs, isReported } = upload
    if (references.size > 0 && this.#context.sharedWire < OUTSIDE_WIRE) {
      // A member came that cannot read references: what fits the head is written into it, the rest is refused.
      placeOutside(this.#ports.writable(command).portions, command, this.#context.sharedWire)
      this.#discard(upload)
      references.clear()
    }
    const changes = new Map<string, Uint8Array | BlobReference | typeof ABSENT>(command.changes)
    for (const [name, reference] of references) changes.set(name, reference)
    const waitMs = Math.max(0, deadlineMs - this.#context.nowMs)
    const version = this.#ports.publish({ ...command, changes, waitMs }, isReported)
    upload.isPublished = true
    this.#context.notice({ type: 'published', request: command.request, key: command.key, version })
  }

  #fail(upload: Upload, error: RepriseError): void {
    if (upload.isOver) return
    this.#report(upload, error)
    if (!upload.isPublished) this.#discard(upload)
    this.#remove(upload)
  }

  /** Drop what was sent: no head names it. */
  #discard({ record, references, command }: Upload): void {
    if (record !== undefined && references.size > 0) this.#ports.discard(command.key, record, references)
  }

  #report(upload: Upload, error: RepriseError): void {
    if (upload.isReported) return
    upload.isReported = true
    if (!upload.isPublished) {
      this.#context.out.results.push({ request: upload.command.request, kind: 'failed', error })
    }
  }

  /** Out of its queue; the next one of the session begins. */
  #remove(upload: Upload): void {
    const { key } = upload.command
    const { queue } = upload
    upload.isOver = true
    queue.splice(queue.indexOf(upload), 1)
    this.#count--
    this.#bytes -= upload.bytes
    if (queue.length === 0) this.#queues.delete(key)
    else this.#advance(queue)
  }
}

interface Chunk {
  readonly key: SessionKey
  readonly shard: number
  readonly number: Version
  readonly portion: string
  readonly index: number
}

interface Sent {
  readonly key: SessionKey
  readonly shard: number
  readonly frame: number
  readonly byteLength: number
}

class Upload {
  readonly command: CommitCommand
  readonly bytes: number
  readonly deadlineMs: number
  /** Those of its session, this one included. */
  readonly queue: Upload[]
  hasBegun = false
  /** The session as it was when its turn came; undefined before. */
  record: LiveRecord | undefined
  readonly references = new Map<string, BlobReference>()
  readonly chunks: Chunk[] = []
  /** The chunk that is sent next. */
  next = 0
  unconfirmed = 0
  /** Its request has ended. */
  isReported = false
  isPublished = false
  isOver = false

  constructor(command: CommitCommand, bytes: number, deadlineMs: number, queue: Upload[]) {
    this.command = command
    this.bytes = bytes
    this.deadlineMs = deadlineMs
    this.queue = queue
  }
}

function timeout({ command: { copies } }: Upload): CopiesError {
  return new CopiesError('TIMEOUT', { asked: copies, confirmed: [], silent: [] })
}

const NOTHING: ReadonlySet<string> = new Set()
