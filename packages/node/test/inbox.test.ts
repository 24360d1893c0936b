import assert from 'node:assert/strict'
import { INBOX_CONTROL_BYTES_MAX, INBOX_CONTROL_MAX, INBOX_FRAME_BYTES_MAX } from '../src/constants.ts'
import type { PeerEvent } from '../src/inbox.ts'
import { Inbox } from '../src/inbox.ts'

const message = (lane: 'control' | 'bulk', text = ''): PeerEvent => {
  return { type: 'message', from: 'b', lane, bytes: Buffer.from(text) }
}
const frame = (length: number): PeerEvent => ({ type: 'frame', from: 'b', shard: 0, bytes: new Uint8Array(length) })
const drain = (inbox: Inbox): PeerEvent[] => {
  const events: PeerEvent[] = []
  for (let event = inbox.shift(); event !== undefined; event = inbox.shift()) events.push(event)
  return events
}

describe('the inbox', () => {
  it('[pitfall 20] gives control before frames before bulk, each in order', () => {
    const inbox = new Inbox()
    const up: PeerEvent = { type: 'peer-up', peer: 'b' }
    const given = [message('bulk', '1'), frame(1), message('control', '1'), frame(2), up, message('control', '2')]
    for (const event of given) inbox.push(event)
    const [bulk, one, first, two, , second] = given
    assert.deepEqual(drain(inbox), [first, up, second, one, two, bulk])
    assert(inbox.isEmpty)
  })

  it('[pitfall 15] [pitfall 16] [pitfall 19] keeps so many bytes of frames, drops the newest, and counts them', () => {
    const inbox = new Inbox()
    const length = INBOX_FRAME_BYTES_MAX / 4
    const frames = Array.from({ length: 6 }, () => frame(length))
    for (const event of frames) inbox.push(event)
    assert.equal(inbox.dropped, 2)
    assert.equal(inbox.shift(), frames[0])
    inbox.push(frames[5] as PeerEvent)
    assert.equal(inbox.dropped, 2, 'there is room again')
    assert.deepEqual(drain(inbox), [...frames.slice(1, 4), frames[5]])
  })

  it('keeps so many control messages, and always knows who is there', () => {
    const inbox = new Inbox()
    for (let n = 0; n < INBOX_CONTROL_MAX + 5; n++) inbox.push(message('control'))
    inbox.push({ type: 'peer-down', peer: 'b' })
    assert.equal(inbox.dropped, 5)
    assert.equal(drain(inbox).at(-1)?.type, 'peer-down')
  })

  it('keeps so many bytes of control messages, few as they may be, and takes more when some were worked off', () => {
    const inbox = new Inbox()
    const large = message('control', 'x'.repeat(INBOX_CONTROL_BYTES_MAX / 4))
    for (let n = 0; n < 6; n++) inbox.push(large)
    inbox.push({ type: 'peer-down', peer: 'b' })
    assert.equal(inbox.dropped, 2)
    assert.equal(inbox.shift(), large)
    inbox.push(large)
    assert.equal(inbox.dropped, 2, 'there is room again')
    assert.equal(drain(inbox).length, 5)
  })
})
