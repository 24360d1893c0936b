/** The stream of events: what is told, to whom, and what a listener may cost. */
import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { type Admin, fingerprint, startAdmin } from '@reprise/admin'
import { EVENTS_KEPT, EVENTS_PER_SECOND_MAX, LISTENER_BYTES_MAX, LISTENERS_MAX } from '../src/constants.ts'
import { Feed } from '../src/events/feed.ts'
import { ask } from './support/ask.ts'
import { FakeNode, member } from './support/fake-node.ts'

interface Message {
  readonly event: string
  readonly id: string | undefined
  readonly data: unknown
}

/** An open stream, read message by message. */
class Listener {
  readonly response: IncomingMessage
  readonly #messages: AsyncIterator<string>
  #text = ''

  constructor(response: IncomingMessage) {
    this.response = response
    this.#messages = response.setEncoding('utf8')[Symbol.asyncIterator]()
  }

  static open({ port }: Admin, lastId?: string): Promise<Listener> {
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
    return new Promise((resolve, reject) => {
      get({ port, host: '127.0.0.1', path: '/events', headers, agent: false }, (response) => {
        resolve(new Listener(response))
      }).on('error', reject)
    })
  }

  /** The next message of that type. */
  async next(event: string): Promise<Message> {
    for (;;) {
      const message = await this.#next()
      if (message.event === event) return message
    }
  }

  close(): void {
    this.response.destroy()
  }

  async #next(): Promise<Message> {
    for (let end = this.#text.indexOf('\n\n'); ; end = this.#text.indexOf('\n\n')) {
      if (end >= 0) {
        const fields = new Map(
          this.#text
            .slice(0, end)
            .split('\n')
            .map((line) => line.split(/: (.*)/s, 2) as [string, string]),
        )
        this.#text = this.#text.slice(end + 2)
        return {
          event: fields.get('event') ?? '',
          id: fields.get('id'),
          data: JSON.parse(fields.get('data') ?? 'null'),
        }
      }
      const { value, done } = await this.#messages.next()
      assert(done !== true, 'the stream ended')
      this.#text += value
    }
  }
}

describe('the events of an admin server', () => {
  let node: FakeNode
  let admin: Admin
  const listeners: Listener[] = []

  async function listen(lastId?: string): Promise<Listener> {
    const listener = await Listener.open(admin, lastId)
    listeners.push(listener)
    return listener
  }

  beforeEach(async () => {
    node = new FakeNode()
    node.members = [member('a')]
    admin = await startAdmin({ node })
  })

  afterEach(async () => {
    for (const listener of listeners.splice(0)) listener.close()
    await admin.close()
  })

  it('begin with how things are, go on with what happens, and say so again each second', async () => {
    const listener = await listen()
    assert.equal(listener.response.headers['content-type'], 'text/event-stream; charset=utf-8')
    const { id, data } = await listener.next('snapshot')
    assert.equal(id, undefined)
    assert.deepEqual([Object(data).schemaVersion, Object(data).node.nodeId, Object(data).state], [1, 'me', 'ready'])

    node.emit('member:up', { nodeId: 'b', name: 'web-2' })
    const up = await listener.next('member:up')
    const { atMs, fields } = Object(up.data)
    assert.deepEqual(fields, { nodeId: 'b', name: 'web-2' })
    assert(Math.abs(Date.now() - atMs) < 60_000)

    node.state = 'draining'
    assert.equal(Object((await listener.next('snapshot')).data).state, 'draining')
  })

  it('answer HEAD with their headers, and take no place for it', async () => {
    for (let asked = 0; asked <= LISTENERS_MAX; asked++) {
      const { status, text, headers } = await ask(admin, '/events', { method: 'HEAD' })
      assert.deepEqual([status, text, headers['content-type']], [200, '', 'text/event-stream; charset=utf-8'])
    }
  })

  it('tell no address, and of an id its fingerprint', async () => {
    const listener = await listen()
    const { data } = await listener.next('snapshot')
    assert.doesNotMatch(JSON.stringify(data), /addresses|\/ip4\//)
    const id = Buffer.from('cart-17')
    node.emit('session:superseded', { id, by: 'b' })
    const superseded = await listener.next('session:superseded')
    assert.deepEqual(Object(superseded.data).fields, { session: fingerprint(id), by: 'b' })
    node.emit('failed', new Error('about cart-17'))
    const failed = await listener.next('failed')
    assert.deepEqual(Object(failed.data).fields, { error: 'Error' })
  })

  it('are told again from the last one that somebody had', async () => {
    const first = await listen()
    for (const shard of [1, 2, 3]) node.emit('shard:ready', { shard })
    const { id } = await first.next('shard:ready')
    first.close()
    const again = await listen(id)
    assert.equal(Object((await again.next('shard:ready')).data).fields.shard, 2)
    assert.equal(Object((await again.next('shard:ready')).data).fields.shard, 3)
    // Another life numbered them otherwise.
    const stranger = await listen('abc-2')
    assert.equal(Object((await stranger.next('shard:ready')).data).fields.shard, 1)
  })

  it('go to so many, and end with the server', async () => {
    const open = await Promise.all(Array.from({ length: LISTENERS_MAX }, () => listen()))
    const refused = await ask(admin, '/events')
    assert.deepEqual([refused.status, Object(refused.json).error.code], [503, 'LIMIT'])
    open[0]?.close()
    await until(async () => (await metric('reprise_admin_listeners')) === LISTENERS_MAX - 1)
    await (await listen()).next('snapshot')
    const ended = open.slice(1).map(({ response }) => new Promise((resolve) => response.once('close', resolve)))
    await admin.close()
    await Promise.all(ended)
  })

  it('are not kept for a listener that does not read', async () => {
    // A snapshot that no socket takes at once.
    node.addresses = []
    node.members = [member('a', { name: 'x'.repeat(LISTENER_BYTES_MAX) })]
    const socket = connect(admin.port, '127.0.0.1', () => {
      socket.pause()
      socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')
    })
    socket.on('error', () => {})
    try {
      await until(async () => (await metric('reprise_admin_listeners')) === 1)
      await until(async () => (await metric('reprise_admin_listeners')) === 0)
    } finally {
      socket.destroy()
    }
  }).timeout(30_000)

  async function metric(name: string): Promise<number> {
    const { text } = await ask(admin, '/metrics')
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
  }
})

describe('the feed of events', () => {
  it('keeps the last ones, and says how many are lost', () => {
    const node = new FakeNode()
    const feed = new Feed(node)
    const told = EVENTS_KEPT + 3
    const names = ['gap', 'repaired', 'shard:ready', 'shard:left', 'conflict', 'session:evicted'] as const
    for (let n = 0; n < told; n++) {
      // Of each type fewer than are told in a second.
      node.emit(names[Math.floor(n / (EVENTS_PER_SECOND_MAX - 1))] ?? 'failed', {} as never)
    }
    const { entries, lost } = feed.after(undefined)
    assert.deepEqual([entries.length, lost, feed.suppressed], [EVENTS_KEPT, 0, 0])
    const [life] = feed.lastId.split('-')
    assert.equal(feed.lastId, `${life}-${told}`)
    assert.deepEqual(feed.after(feed.lastId), { entries: [], lost: 0 })
    assert.deepEqual([feed.after(`${life}-1`).entries.length, feed.after(`${life}-1`).lost], [EVENTS_KEPT, 2])
    assert.equal(feed.after(`${life}-${told - 1}`).entries.length, 1)
    for (const strange of [
      '',
      '-',
      'x',
      `${life}-`,
      `${life}-x`,
      `${life}--1`,
      `${life}-1e99`,
      `${life}-${told + 1}`,
    ]) {
      assert.equal(feed.after(strange).entries.length, EVENTS_KEPT, strange)
    }
  })

  it('tells so many of one type in a second, and counts the rest', () => {
    const node = new FakeNode()
    const feed = new Feed(node)
    for (let n = 0; n < 10 * EVENTS_PER_SECOND_MAX; n++) node.emit('session:evicted', { id: new Uint8Array(1) })
    node.emit('conflict', { id: new Uint8Array(1) })
    const { entries } = feed.after(undefined)
    // The clock may begin another second meanwhile.
    assert(entries.length <= 2 * EVENTS_PER_SECOND_MAX + 1)
    assert.equal(feed.suppressed, 10 * EVENTS_PER_SECOND_MAX + 1 - entries.length)
    assert.equal(entries.at(-1)?.type, 'conflict')
  })

  it('lets go of its node', () => {
    const node = new FakeNode()
    const feed = new Feed(node)
    feed[Symbol.dispose]()
    assert.deepEqual(node.eventNames(), [])
  })
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20))
}
