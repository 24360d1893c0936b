import assert from 'node:assert/strict'
import { streamPair } from '@libp2p/utils'
import { LimitError } from '@reprise/core'
import { NETWORK_LIMITS } from '@reprise/p2p'
import { drained } from '../src/drained.ts'
import { bytes, Member, startCluster, stopAll, until } from './support/member.ts'
import { closeProxies, TcpProxy } from './support/proxy.ts'

const KIB = 1024
const MIB = 1024 * KIB
const portOf = (member: Member): number => Number(member.address.split('/')[4])

/** A message whose every byte depends on its place, so that a lost or repeated chunk shows. */
const pattern = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + seed) & 0xff)

describe('the lanes', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(async () => {
    await stopAll()
    await closeProxies()
  })

  for (const init of [{}, { secret: 'a secret of more than sixteen bytes' }, { encryption: 'noise' as const }]) {
    it(`carry messages up to their limits unchanged, with ${JSON.stringify(init)}`, async () => {
      const [a, b] = (await startCluster(2, init)) as [Member, Member]
      const received: Uint8Array[] = []
      b.onMessage = (_, message) => {
        received.push(Uint8Array.from(message))
      }
      const sent = {
        control: [pattern(1, 1), pattern(NETWORK_LIMITS.controlMessageBytesMax, 2), pattern(70_000, 3)],
        bulk: [
          pattern(NETWORK_LIMITS.bulkMessageBytesMax, 4),
          pattern(1, 5),
          pattern(64 * KIB - 4, 6),
          pattern(64 * KIB, 7),
        ],
      }
      for (const lane of ['control', 'bulk'] as const) {
        received.length = 0
        for (const message of sent[lane]) assert.equal(a.network.send(b.id, lane, message), true)
        await until(() => received.length === sent[lane].length, `all on ${lane}`)
        for (const [n, message] of sent[lane].entries()) assert.equal(Buffer.compare(message, received[n]!), 0)
      }
    })
  }

  it('refuse a message over the limit at the sender, naming the limit', async () => {
    const [a, b] = (await startCluster(2)) as [Member, Member]
    const isLimit = (name: string) => (error: unknown) => error instanceof LimitError && error.limit === name
    const { controlMessageBytesMax, bulkMessageBytesMax, frameBytesMax } = NETWORK_LIMITS
    const send = (lane: 'control' | 'bulk', length: number) => () => a.network.send(b.id, lane, new Uint8Array(length))
    assert.throws(send('control', controlMessageBytesMax + 1), isLimit('controlMessageBytesMax'))
    assert.throws(send('bulk', bulkMessageBytesMax + 1), isLimit('bulkMessageBytesMax'))
    assert.throws(() => a.network.publish(0, new Uint8Array(frameBytesMax + 1)), isLimit('frameBytesMax'))
  })

  for (const lane of ['control', 'bulk'] as const) {
    it(`cut a peer that sends more than the limit of ${lane}, before it takes the memory`, async () => {
      const limits = { redialMinMs: 20, redialMaxMs: 50 }
      const less = { ...limits, controlMessageBytesMax: 10 * KIB, bulkMessageBytesMax: 10 * KIB }
      const a = await Member.start({ limits })
      const b = await Member.start({ limits: less, join: [a.address] })
      await until(() => a.isUp(b), 'the connection')
      assert.equal(a.network.send(b.id, lane, new Uint8Array(10 * KIB + 1)), true)
      await until(() => b.count('down', a) === 1, 'the cut')
      assert.equal(b.count(lane), 0)
      await until(() => a.count('up', b) === 2, 'the next connection')
      a.network.send(b.id, lane, new Uint8Array(10 * KIB))
      await until(() => b.count(lane) === 1, 'a message within the limit')
    })
  }

  it('[pitfall 43] push back on bulk: a slow reader fills its window and the sending queue, not the memory', async () => {
    const limits = { bulkMessageBytesMax: 64 * KIB, bulkBufferBytesMax: MIB, streamWindowBytesMax: 256 * KIB }
    const [a, b] = (await startCluster(2, { limits })) as [Member, Member]
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    b.onMessage = (lane) => (lane === 'bulk' ? gate : undefined)

    // Fill again and again, until nothing more is taken for as long as ten control messages go and come back.
    const message = new Uint8Array(64 * KIB - 4)
    let sent = 0
    for (let quiet = 0; quiet < 10; quiet++) {
      while (a.network.send(b.id, 'bulk', message)) {
        sent++
        quiet = 0
      }
      assert.ok(a.network.bufferedBytes(b.id) <= limits.bulkBufferBytesMax + 2 * limits.bulkMessageBytesMax)
      const before = b.count('control')
      a.network.send(b.id, 'control', bytes('may pass'))
      await until(() => b.count('control') > before, 'a control message, though bulk is full')
    }
    assert.equal(b.count('bulk'), 1, 'the reader has one message in hand')
    const holds = limits.bulkBufferBytesMax + 4 * limits.streamWindowBytesMax
    assert.ok(sent * message.byteLength < holds, `${sent} messages are under way`)

    release()
    await until(() => b.count('bulk') === sent, 'everything that was accepted')
    await until(() => a.network.send(b.id, 'bulk', message), 'the queue to take more')
  })

  it('[pitfall 20] let a control message pass the bulk that was queued before it', async () => {
    const [a, b] = (await startCluster(2)) as [Member, Member]
    const count = 120
    const chunk = new Uint8Array(64 * KIB)
    for (let n = 0; n < count; n++) assert.equal(a.network.send(b.id, 'bulk', chunk), true)
    await until(() => b.count('bulk') > 0, 'bulk under way')
    a.network.send(b.id, 'control', bytes('urgent'))
    await until(() => b.count('bulk') === count && b.count('control') === 1, 'everything')
    const before = b.told.findIndex((told) => told.what === 'control')
    const bulkBefore = b.told.slice(0, before).filter((told) => told.what === 'bulk').length
    assert.ok(bulkBefore < count / 2, `${bulkBefore} of ${count} bulk messages came first`)
  })

  it('keep the buffer bounded through many full buffers, where stream.onDrain() would let it grow', async () => {
    const limits = { bulkMessageBytesMax: 64 * KIB, bulkBufferBytesMax: 512 * KIB, streamWindowBytesMax: 256 * KIB }
    const [a, b] = (await startCluster(2, { limits })) as [Member, Member]
    const count = 600
    const message = new Uint8Array(32 * KIB)
    let sent = 0
    await until(() => {
      while (sent < count && a.network.send(b.id, 'bulk', message)) sent++
      assert.ok(a.network.bufferedBytes(b.id) <= limits.bulkBufferBytesMax + 2 * limits.bulkMessageBytesMax)
      return b.count('bulk') === count
    }, '18 MiB')
  })

  it('wait for each drain of a stream, and end the wait when the stream ends', async () => {
    const [outgoing, incoming] = await streamPair({ capacity: 5, delay: 1 })
    incoming.addEventListener('message', () => {})
    for (let n = 0; n < 5; n++) {
      while (outgoing.send(new Uint8Array(KIB)));
      assert.equal(outgoing.writableNeedsDrain, true)
      await drained(outgoing)
      assert.equal(outgoing.writableNeedsDrain, false, `after wait ${n}`)
    }
    while (outgoing.send(new Uint8Array(KIB)));
    const waiting = drained(outgoing)
    outgoing.abort(new Error('cut'))
    await assert.rejects(waiting, /cut/)
  })

  it('refuse control messages for a peer that is stalled, when its buffer is full', async () => {
    const limits = {
      controlMessageBytesMax: 64 * KIB,
      controlBufferBytesMax: 256 * KIB,
      streamWindowBytesMax: 256 * KIB,
    }
    const [a, b] = await Promise.all([Member.start({ limits }), Member.start({ limits })])
    const proxy = await TcpProxy.start(portOf(b))
    a.network.setMembers(new Map([[b.id, [proxy.address]]]))
    await until(() => a.isUp(b), 'the connection')
    proxy.stall('there')
    const message = new Uint8Array(64 * KIB)
    let sent = 0
    let refused = 0
    await until(() => {
      if (a.network.send(b.id, 'control', message)) sent++
      else refused++
      assert.ok(a.network.bufferedBytes(b.id) <= limits.controlBufferBytesMax)
      return refused === 20
    }, 'refusals')
    proxy.heal()
    await until(() => b.count('control') === sent, 'what was accepted')
    assert.equal(a.count('down'), 0)
  })

  it('have nothing for a peer that is not connected', async () => {
    const a = await Member.start()
    const { id } = await Member.make()
    assert.equal(a.network.send(id, 'control', bytes('hello?')), false)
    assert.equal(a.network.send(id, 'bulk', bytes('hello?')), false)
    assert.equal(a.network.bufferedBytes(id), 0)
  })
})
