import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ABSOLUTE_MS_MAX, SYNC_REMAINING_MS_MIN } from '../../src/constants.ts'
import { WireError } from '../../src/errors.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.ts'
import type { Message } from '../../src/wire/messages.ts'
import { keyOf } from '../support/cluster.ts'
import { golden } from '../support/golden.ts'
import { AT_MS, messages } from '../support/message-arbitraries.ts'
import { plain } from '../support/plain.ts'
import { MESSAGES } from '../support/samples.ts'

describe('messages', () => {
  it('are written as the golden vectors say', () => {
    const lines = Object.entries(MESSAGES).map(([name, message]) => `${name}: ${hexOf(encodeMessage(message, 0))}\n`)
    golden('wire/golden/messages.hex', lines.join(''))
  })

  it('have a golden vector each', () => {
    const covered = new Set(Object.values(MESSAGES).map(({ type }) => type))
    assert.deepEqual([...covered].sort(), Object.keys(messages).sort())
  })

  for (const [name, message] of Object.entries(MESSAGES)) {
    it(`read back the sample ${name}`, () => {
      assert.deepEqual(plain(decodeMessage(encodeMessage(message, 0), 0)), message)
    })
  }

  for (const [type, arbitrary] of Object.entries(messages)) {
    it(`come back as they were: ${type}`, () => {
      fc.assert(
        fc.property(arbitrary as fc.Arbitrary<Message>, (message) => {
          assert.deepEqual(plain(decodeMessage(encodeMessage(message, AT_MS), AT_MS)), message)
        }),
        { numRuns: 60 },
      )
    })
  }

  it('that a later wire brought are unknown to an earlier one', () => {
    for (const name of ['vouch-ask', 'vouch']) {
      const bytes = encodeMessage(MESSAGES[name] as Message, 0, 2)
      assert.deepEqual(decodeMessage(bytes, 0, 2), MESSAGES[name])
      assert.throws(() => decodeMessage(bytes, 0, 1), WireError)
    }
  })

  it('say of a leaving member that it is alive to who does not know leaving', () => {
    const message = MESSAGES['members, one leaving'] as Extract<Message, { type: 'members' }>
    const [state] = (decodeMessage(encodeMessage(message, 0, 1), 0, 1) as typeof message).members.map((m) => m.state)
    assert.equal(state, 'alive')
    assert.throws(() => decodeMessage(encodeMessage(message, 0, 2), 0, 1), WireError)
  })

  it('say to who knows no floors what it understands: the record without, and a tombstone', () => {
    const message = MESSAGES['push of floors'] as Extract<Message, { type: 'push' }>
    const { records } = decodeMessage(encodeMessage(message, 0, 1), 0, 1) as typeof message
    const [live, left] = records.map(({ record }) => record)
    const [sent] = message.records.map(({ record }) => record)
    assert(live?.kind === 'live' && sent?.kind === 'live')
    assert.equal(live.floor, undefined)
    assert.deepEqual({ ...live, floor: sent.floor }, sent)
    assert(left?.kind === 'dropped' && left.isFloor === undefined)
  })

  it('[E2] carry no floor that is about to end', () => {
    const message = MESSAGES['push of floors'] as Extract<Message, { type: 'push' }>
    const [sent] = message.records.map(({ record }) => record)
    assert(sent?.kind === 'live' && sent.floor !== undefined)
    for (const [leftMs, isSent] of [
      [SYNC_REMAINING_MS_MIN, false],
      [SYNC_REMAINING_MS_MIN + 1, true],
    ] as const) {
      const atMs = sent.floor.untilMs - leftMs
      const { records } = decodeMessage(encodeMessage(message, atMs), atMs) as typeof message
      const [read] = records.map(({ record }) => record)
      assert(read?.kind === 'live')
      assert.deepEqual(read.floor, isSent ? sent.floor : undefined)
    }
  })

  it('[E2] [pitfall 33] carry the time that remains: a deadline is as far off for the reader as it was for the writer', () => {
    const pushed = MESSAGES['push'] as Extract<Message, { type: 'push' }>
    const read = decodeMessage(encodeMessage(pushed, 1_000), 50_000) as typeof pushed
    for (const [i, { record }] of read.records.entries()) {
      const sent = pushed.records[i]?.record
      if (record.kind === 'dropped' || sent?.kind !== 'live') continue
      assert.equal(record.expiry.absoluteAtMs - 50_000, sent.expiry.absoluteAtMs - 1_000)
      assert.equal(record.expiry.idleAtMs - 50_000, sent.expiry.idleAtMs - 1_000)
    }
  })

  it('[E2] [pitfall 33] say 0 of a deadline that has passed, and never more idle time than a touch gives', () => {
    const pushed = MESSAGES['push'] as Extract<Message, { type: 'push' }>
    const late = decodeMessage(encodeMessage(pushed, 1e9), 5) as typeof pushed
    for (const { record } of late.records) if (record.kind === 'live') assert.equal(record.expiry.idleAtMs, 5)
    const early = decodeMessage(encodeMessage(pushed, -1e9), 5) as typeof pushed
    for (const { record } of early.records)
      if (record.kind === 'live') assert.equal(record.expiry.idleAtMs, 5 + 1_800_000)
  })

  it('write each tenure once, also when it is several objects', () => {
    const push = MESSAGES['push'] as Extract<Message, { type: 'push' }>
    assert.deepEqual(encodeMessage(structuredClone(push), 0), encodeMessage(push, 0))
  })

  it('carry the longest duration there is', () => {
    const record = { kind: 'dropped' as const, birth: { generation: 1, random: 1 }, absoluteAtMs: ABSOLUTE_MS_MAX }
    const push = { type: 'push' as const, records: [{ key: keyOf('a'), record }] }
    assert.deepEqual(decodeMessage(encodeMessage(push, 0), 0), push)
  })

  it('keep values after the bytes they came in are used again', () => {
    const bytes = Buffer.from(encodeMessage(MESSAGES['push'] as Message, 0))
    const message = decodeMessage(bytes, 0)
    bytes.fill(0xee)
    assert.deepEqual(message, MESSAGES['push'])
  })

  it('take a portion named __proto__ for a name like any other', () => {
    const message = decodeMessage(encodeMessage(MESSAGES['push'] as Message, 0), 0) as Extract<
      Message,
      { type: 'push' }
    >
    const record = message.records[0]?.record
    assert(record?.kind === 'live' && record.portions.has('__proto__'))
    assert.equal(({} as Record<string, unknown>)['version'], undefined)
  })

  describe('are refused', () => {
    const refused: Record<string, string> = {
      'nothing at all': '',
      'number 0': '00',
      'an unknown number': 'fe',
      'the highest number': 'ff',
      'an incarnation that nothing is above': '02ffffffffffff',
      'an incarnation above which nobody could be read': '02fffffffffffe',
      'a shard that does not exist': '0500000000000701 0040',
      'more shards than there are': `05000000000007 41 ${'0000'.repeat(65)}`,
      'an acknowledged shard that does not exist': '08000000000007 01 8040 01',
      'ranges that are not rising': '09000000000007 0005 02 0500 0400',
      'ranges that overlap': '09000000000007 0005 02 0109 0501',
      'a range from 0': '09000000000007 0005 01 0001',
      'a range beyond 2^53 - 1': '09000000000007 0005 01 05 ffffffffffffff0f',
      'more ranges than allowed': `09000000000007 0005 11 ${Array.from({ length: 17 }, (_, i) => `${(i * 2 + 1).toString(16).padStart(2, '0')}00`).join('')}`,
      'an unknown pull scope': '0e 01 0161 02 00',
      'a pull without an id': '0e 01 00 00 00',
      'an unknown answer status': '0f 01 03 01 00 00',
      'an answer that is both absent and found': `0f 01 01 01 ${recordBytes()}`,
      'an answer found without a record': '0f 01 00 01 00 00',
      'a flag that is neither': '0f 01 01 02 00 00',
      'an unknown scope': '10 09 0005 02 00',
      'more digests than a shard has buckets': `10 09 0005 00 11 ${'00'.repeat(8 * 17)}`,
      'a bucket that does not exist': '12 09 00 0400 00 01',
      'a bucket in no parts': '12 09 00 0050 00 00',
      'a bucket in too many parts': '12 09 00 0050 00 818004',
      'more keys than allowed': `14 09 0050 8102 ${'00'.repeat(8 * 257)}`,
      'a member without an id': '04 01 00 000000000007 00 00 00 00 00',
      'a member in a life whose writes nobody could read': '04 01 0161 ffffffffffff 00 00 00 00 00',
      'a member in an unknown state': '04 01 0161 000000000007 05 00 00 00 00',
      'a count beyond the message': '04 ffff03',
      'a record without an id': '0d 00 01 02 00 01 000000000000 01 00',
      'a record of an unknown kind': '0d 00 01 03 0161 01 000000000000 01',
      'a version of a tenure that is not there': '0d 00 01 01 0161 01 000000000001 01 00 01 00 00 00 00 00 00',
      'a duration of over a year': '0d 00 01 02 0161 01 000000000001 ffffffffffffff0f',
      'more frontier than is kept': `0d 01 01 0161 01 01 01 0161 01 000000000001 09 ${'0001'.repeat(9)} 00 00 00 00 01 00`,
      'a frontier with a tenure twice': '0d 01 01 0161 01 01 01 0161 01 000000000001 02 0002 0001 00 00 00 00 01 00',
      'a frontier of a tenure that wrote nothing':
        '0d 01 01 0161 01 01 01 0161 01 000000000001 01 0000 00 00 00 00 01 00',
      'a portion listed twice':
        '0d 01 01 0161 01 01 01 0161 01 000000000001 00 00 00 00 00 01 02 0162 00 01 01 0162 00 01 01',
      'an unknown portion state': '0d 01 01 0161 01 01 01 0161 01 000000000001 00 00 00 00 00 01 01 0162 00 01 03',
      'a floor of the record itself':
        '0d 01 01 0161 01 01 05 0161 02 000000000001 00 00 00 00 00 01 00 02 000000000001 01',
      'an epoch that nothing is above': '0d 01 ffffffffffff3f 0161 01 00',
    }
    for (const [what, hex] of Object.entries(refused)) {
      it(what, () => {
        assert.throws(() => decodeMessage(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 0), WireError)
      })
    }
  })
})

/** A batch of one dropped record. */
function recordBytes(): string {
  return '00 01 02 0161 01 000000000001 00'
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
