import assert from 'node:assert/strict'
import fc from 'fast-check'
import { StoreUnavailableError } from '../../src/errors.ts'
import { LINE_BYTES_MAX } from '../../src/memcached/constants.ts'
import { MemcachedConversation, type MemcachedShared } from '../../src/memcached/conversation.ts'
import { Counters } from '../../src/memcached/counters.ts'
import { FlushTimer } from '../../src/memcached/flush-timer.ts'
import { Uses } from '../../src/memcached/uses.ts'
import type { KeyValueStore } from '../../src/store/key-value.ts'
import { bytes } from '../support/cluster.ts'
import { MemoryStore } from '../support/memory-store.ts'

const CREDENTIALS = { user: 'apache', password: 'a long enough password'.replaceAll(' ', '-') }

function shared(options: Partial<MemcachedShared> = {}): MemcachedShared {
  const store: KeyValueStore = options.store ?? new MemoryStore()
  const flushTimer = new FlushTimer(() => void store.flush())
  return {
    store,
    counters: new Counters(),
    uses: new Uses(),
    flushTimer,
    credentials: undefined,
    logger: undefined,
    ...options,
  }
}

/** Say something in pieces. @returns what came back, and why it stopped. */
async function say(conversation: MemcachedConversation, ...pieces: readonly string[]): Promise<[string, string]> {
  let said = ''
  let state = 'more'
  for (const piece of pieces) {
    conversation.receive(Buffer.from(piece, 'latin1'))
    do {
      state = await conversation.work()
      said += conversation.take()?.toString('latin1') ?? ''
    } while (state === 'full')
  }
  return [said, state]
}

/** The store, with some of it done otherwise. */
function overriding(store: KeyValueStore, other: Partial<KeyValueStore>): KeyValueStore {
  return {
    limits: store.limits,
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    set: (key, write) => store.set(key, write),
    delete: (key) => store.delete(key),
    update: (key, decide) => store.update(key, decide),
    takeUnique: () => store.takeUnique(),
    scan: (cursor, count) => store.scan(cursor, count),
    count: () => store.count(),
    flush: () => store.flush(),
    ...other,
  }
}

describe('a conversation in the text protocol of memcached', () => {
  it('says the same however what it is told is cut into pieces', async () => {
    const whole =
      'set a 1 0 5\r\nhe\r\no\r\nset b 0 0 1 noreply\r\nx\r\nget a b\r\nappend b 0 0 2\r\nyz\r\nmg b v f k\r\nms c 3\r\nabc\r\n' +
      'nonsense\r\ndelete a 0\r\nincr c 1\r\ngets none\r\nset d 0 0 2\r\nlonger\r\nversion\r\n'
    const [expected] = await say(new MemcachedConversation(shared()), whole)
    assert.match(expected, /^STORED\r\nVALUE a 1 5\r\nhe\r\no\r\n/)
    for (let size = 1; size < 20; size++) {
      const pieces = whole.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []
      assert.deepEqual(await say(new MemcachedConversation(shared()), ...pieces), [expected, 'more'], `by ${size}`)
    }
  })

  it('answers, or ends, whatever it is told, and never breaks', async () => {
    const words = fc.constantFrom(
      ...['get', 'set', 'ms', 'mg', 'ma', 'md', 'cas', 'incr', 'delete', 'a', 'b', '0', '1', '5', '-1', 'noreply'],
      ...['v', 'k', 'T5', 'N3', 'C1', 'I', 'q', 'S1', '\r\n', '\r\n', '\n', '\r', ' ', '\x80', '\0', 'x'.repeat(300)],
    )
    const seed = Date.now() | 0
    await fc.assert(
      fc.asyncProperty(fc.array(words, { maxLength: 40 }), fc.nat(7), async (list, cut) => {
        const conversation = new MemcachedConversation(shared())
        const text = list.join(cut % 2 === 0 ? ' ' : '')
        const pieces = text.match(/[\s\S]{1,9}/g) ?? []
        for (const piece of pieces) {
          const [, state] = await say(conversation, piece)
          if (state === 'end') return
          assert.equal(state, 'more')
        }
      }),
      { numRuns: 300, seed },
    )
  })

  it('keeps the order of answers when one has to wait', async () => {
    const store = new MemoryStore()
    const slow = overriding(store, {
      get: (key) => new Promise((resolve) => setImmediate(() => resolve(store.get(key)))),
    })
    const [said] = await say(
      new MemcachedConversation(shared({ store: slow })),
      'set a 0 0 1\r\nx\r\nget a\r\nset a 0 0 1\r\ny\r\nget a\r\nversion\r\n',
    )
    assert.equal(said, 'STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\nSTORED\r\nVALUE a 0 1\r\ny\r\nEND\r\nVERSION 1.6.18\r\n')
  })

  it('stops while more answers wait than a client should make it keep', async () => {
    const conversation = new MemcachedConversation(shared())
    await say(conversation, `set a 0 0 100000\r\n${'x'.repeat(100_000)}\r\n`)
    conversation.receive(Buffer.from('get a\r\n'.repeat(10)))
    assert.equal(await conversation.work(), 'full')
    assert((conversation.take()?.length ?? 0) < 500_000)
    assert(conversation.bufferedBytes > 0)
  })

  it('ends with who sends a line that does not end', async () => {
    const conversation = new MemcachedConversation(shared())
    assert.deepEqual(await say(conversation, 'x'.repeat(LINE_BYTES_MAX)), ['', 'more'])
    assert.deepEqual(await say(conversation, 'x'), ['CLIENT_ERROR line too long\r\n', 'end'])
    const keys = `get ${'key '.repeat(10_000)}`
    assert.deepEqual(await say(new MemcachedConversation(shared()), keys), ['', 'more'])
    assert.deepEqual(await say(new MemcachedConversation(shared()), keys, keys), [
      'CLIENT_ERROR line too long\r\n',
      'end',
    ])
  })

  it('lets go of values that are too large while they come', async () => {
    const conversation = new MemcachedConversation(shared())
    await say(conversation, `set a 0 0 5000000\r\n`)
    for (let sent = 0; sent < 5_000_000; sent += 50_000) {
      await say(conversation, 'x'.repeat(50_000))
      assert.equal(conversation.bufferedBytes, 0)
    }
    assert.deepEqual(await say(conversation, '\r\nget a\r\n'), ['END\r\n', 'more'])
  })

  it('refuses the binary protocol in its own words, and tells the log', async () => {
    const warnings: string[] = []
    const logger = { debug() {}, info() {}, error() {}, warn: (text: string) => void warnings.push(text) }
    const conversation = new MemcachedConversation(shared({ logger }))
    const request = Buffer.alloc(24)
    request.set([0x80, 0x0b])
    request.writeUInt32BE(0xcafe, 12)
    const [said, state] = await say(conversation, request.toString('latin1', 0, 10), request.toString('latin1', 10))
    const answer = Buffer.from(said, 'latin1')
    assert.equal(state, 'end')
    assert.deepEqual([answer[0], answer[1], answer.readUInt16BE(6)], [0x81, 0x0b, 0x81])
    assert.equal(answer.readUInt32BE(12), 0xcafe)
    assert.equal(answer.length, 24 + answer.readUInt32BE(8))
    assert.equal(warnings.length, 1)
  })

  it('says no to writes of prefixes that are not served, and finds nothing there', async () => {
    const [said] = await say(
      new MemcachedConversation(shared()),
      'set refused:a 0 0 1\r\nx\r\nget refused:a\r\nget refused:a b\r\ndelete refused:a\r\nadd refused:a 0 0 1 noreply\r\nx\r\n',
    )
    const no = 'SERVER_ERROR keys with this prefix are not served\r\n'
    assert.equal(said, `${no}END\r\nEND\r\n${no}`)
  })

  it('says so when the store cannot take a write, and goes on', async () => {
    const store = new MemoryStore()
    const full = overriding(store, {
      set: () => Promise.reject(new StoreUnavailableError('full')),
      delete: () => {
        throw new Error('a bug')
      },
    })
    const [said] = await say(
      new MemcachedConversation(shared({ store: full })),
      'set a 0 0 1\r\nx\r\ndelete a\r\nget a\r\n',
    )
    assert.equal(said, 'SERVER_ERROR out of memory storing object\r\nSERVER_ERROR internal error\r\nEND\r\n')
  })

  describe('with credentials', () => {
    const attempt = (text: string): string => `set auth 0 0 ${text.length}\r\n${text}\r\n`

    it('answers nothing before they are shown', async () => {
      const store = new MemoryStore()
      await store.set(bytes('a'), { value: bytes('secret') })
      const conversation = new MemcachedConversation(shared({ store, credentials: CREDENTIALS }))
      const no = 'CLIENT_ERROR unauthenticated\r\n'
      assert.deepEqual(await say(conversation, 'get a\r\nversion\r\ndelete a\r\n'), [no.repeat(3), 'more'])
      const [said] = await say(conversation, attempt('apache a-long-enough-password'), 'get a\r\n')
      assert.equal(said, 'STORED\r\nVALUE a 0 6\r\nsecret\r\nEND\r\n')
    })

    it('ends with who shows others', async () => {
      for (const wrong of [
        'apache wrong',
        'root a-long-enough-password',
        'apache',
        'apache a-long-enough-password ',
        '',
      ]) {
        const conversation = new MemcachedConversation(shared({ credentials: CREDENTIALS }))
        assert.deepEqual(await say(conversation, attempt(wrong), 'get a\r\n'), [
          'CLIENT_ERROR authentication failure\r\n',
          'end',
        ])
      }
    })
  })
})
