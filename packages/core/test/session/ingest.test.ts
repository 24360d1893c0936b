import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Context, withDefaults } from '../../src/context.ts'
import { Ingest } from '../../src/session/ingest.ts'
import { mergeRecords } from '../../src/session/merge.ts'
import type { LiveRecord, SessionRecord } from '../../src/session/record.ts'
import { endsAtMs } from '../../src/session/record.ts'
import { BucketTable } from '../../src/table/bucket-table.ts'
import { decodeFrame } from '../../src/wire/frame.ts'
import { liveRecords } from '../support/arbitraries.ts'
import { keyOf } from '../support/cluster.ts'
import { keyHash } from '../support/key-hash.ts'
import { FRAME_HEADER, frameOf } from '../support/samples.ts'

/** A member that only takes what frames bring. */
class Taker {
  readonly table = new BucketTable({
    bytesMax: 2 ** 24,
    keyHash,
    isPinned: () => false,
    isHeld: () => true,
    onEvicted: () => {},
  })
  /** Whether it is a holder of whatever shard. */
  holds = true
  readonly #ingest: Ingest

  constructor() {
    const config = withDefaults({ nodeId: 'taker', incarnation: 1, keyHash, seed: 1 })
    this.#ingest = new Ingest(new Context(config, this.table), {
      isJoined: () => this.holds,
      onBeaten: () => {},
      onLacking: () => {},
      onHearsay: () => {},
      onLateChunk: () => {},
    })
  }

  /** A frame with one record, whose memory is used for something else afterwards. */
  take(id: string, record: SessionRecord): void {
    const frame = frameOf(FRAME_HEADER, [{ key: keyOf(id), record }])
    this.#ingest.apply(decodeFrame(frame, 0).records, 'a', true)
    frame.fill(0xee)
  }

  /** News of a session, for this member alone. */
  takePushed(id: string, record: SessionRecord): void {
    this.#ingest.applyPushed([{ key: keyOf(id), record }], 'a')
  }

  record(id: string): SessionRecord | undefined {
    return this.table.peek(keyOf(id))?.record
  }
}

/** Portions and versions as the wire carries them, alive for the whole test: of what comes in ended its floor may be kept. */
const written = liveRecords().filter((record) => record.frontier.length > 0 && endsAtMs(record) > 0)

describe('what frames bring', () => {
  it('[R9] [I-R1] is the table’s own: whatever becomes of the frame, and however often it is written and moved', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'] as const
    const step = fc.tuple(fc.constantFrom(...ids), written)
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const taker = new Taker()
        const model = new Map<string, SessionRecord>()
        for (const [id, record] of steps) {
          const frame = frameOf(FRAME_HEADER, [{ key: keyOf(id), record }])
          const asSent = decodeFrame(frame, 0).records[0]?.record as LiveRecord
          const known = model.get(id)
          model.set(id, known === undefined ? asSent : mergeRecords(known, asSent).record)
          taker.take(id, record)
        }
        for (const [id, record] of model) assert.deepEqual(taker.record(id), record)
      }),
      { numRuns: 100 },
    )
  })

  it('[rule R1] news for this member alone make no copy of a session that it let go of, but change one that is here', () => {
    const [record] = fc.sample(written, { numRuns: 1, seed: 1 }) as [LiveRecord]
    const tombstone: SessionRecord = { kind: 'dropped', birth: record.birth, absoluteAtMs: 60_000 }
    const former = new Taker()
    former.holds = false
    former.takePushed('here', record)
    assert.equal(former.record('here'), undefined)
    former.take('here', record)
    former.takePushed('here', tombstone)
    assert.equal(former.record('here')?.kind, 'dropped')
    former.takePushed('gone', tombstone)
    assert.equal(former.record('gone')?.kind, 'dropped')

    const holder = new Taker()
    holder.takePushed('here', record)
    assert.equal(holder.record('here')?.kind, 'live')
  })

  it('[R9] [V2] keeps the portions that did not change, through a hundred others', () => {
    const taker = new Taker()
    const tenure = { epoch: 1, node: 'a', incarnation: 1 }
    const session = (seq: number): LiveRecord => {
      const version = { tenure, seq }
      const first = { tenure, seq: 1 }
      return {
        kind: 'live',
        birth: { generation: 1, random: 1 },
        frontier: [version],
        portions: new Map([
          ['kept', { version: first, value: seq === 1 ? new Uint8Array(300).fill(7) : undefined }],
          ['written', { version, value: new Uint8Array(300).fill(seq) }],
        ]),
        expiry: { version, idleMs: 60_000, idleAtMs: 60_000, absoluteAtMs: 60_000 },
      }
    }
    for (let seq = 1; seq <= 200; seq++) {
      for (let i = 0; i < 40; i++) taker.take(`session-${i}`, session(seq))
    }
    for (let i = 0; i < 40; i++) {
      const record = taker.record(`session-${i}`) as LiveRecord
      assert.deepEqual(record.portions.get('kept')?.value, new Uint8Array(300).fill(7))
      assert.deepEqual(record.portions.get('written')?.value, new Uint8Array(300).fill(200))
    }
  })
})
