/** The standard portions on a cluster of real nodes: what a session is about goes on where its client turns up. */
import assert from 'node:assert/strict'
import {
  auth,
  createNode,
  definePortion,
  type Node,
  PortionError,
  purchase,
  type ResumedSession,
  sequenceAfter,
  sequenceDistance,
  shape,
  type Transport,
  tlsSession,
  transport,
} from '@reprise/node'
import { startCluster, startDoomed, startNode, stopAll, until } from '../support/cluster.ts'
import { AUTH, PURCHASE, TLS_SESSION, TRANSPORT } from '../support/portions.ts'

describe('typed portions in a cluster', () => {
  afterEach(stopAll)

  it('[R6] a TLS session, its identifier and who the user is are at the server that the client reaches next', async () => {
    const [a, b] = await startCluster(3)
    assert(a !== undefined && b !== undefined)
    const session = await a.create('credentials')
    session.set(tlsSession, TLS_SESSION)
    session.set(auth, AUTH)
    await session.commit({ copies: 2 })
    const found = await resume(b, 'credentials')
    assert.deepEqual(found.get(tlsSession), TLS_SESSION)
    assert.deepEqual(found.get(auth), AUTH)
    // Only what is asked for, by the portion itself.
    const only = await b.resume('credentials', { portions: [auth] })
    assert(only.outcome === 'complete')
    assert.deepEqual(only.get(auth), AUTH)
    assert.deepEqual(b.local('credentials', [auth])?.get(auth), AUTH)
  })

  it('[R6] credentials are sealed by default where there is a key, and kept open where there is none', async () => {
    const closed = await startNode()
    const open = await createNode()
    try {
      for (const node of [closed, open]) {
        const session = await node.create('s')
        session.set(auth, AUTH)
        await session.commit()
        assert.deepEqual((await resume(node, 's')).get(auth), AUTH)
      }
      // All that is seen of it from outside: a key id, a nonce and a tag more, and an eighth of that for garbage.
      assert.equal(closed.status().table.bytes - open.status().table.bytes, (4 + 12 + 16) * 1.125)
    } finally {
      await open.stop()
    }
  })

  it('[R7] an upload whose server is killed continues at another from the exact byte, addresses and numbers intact', async () => {
    const [b, c] = await startCluster(2, { drainMs: 0 })
    assert(b !== undefined && c !== undefined)
    const a = await startDoomed([b, c])
    const data = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 31) % 251))
    // Its sequence numbers start over in the middle of the upload.
    const header = { ...TRANSPORT.header!, sequence: 2 ** 32 - 3_000 }
    const begin: Transport = { ...TRANSPORT, offset: 0, acknowledged: 0, length: data.length, header }
    const received: Buffer[] = []

    /** Take `segments` segments from where the upload is, and record each with the given server. */
    const take = async (from: Transport, segments: number, record: (at: Transport) => Promise<void>): Promise<void> => {
      let at = from
      for (let i = 0; i < segments && at.offset < data.length; i++) {
        // What the client sends is what the session says is next, by offset and by sequence number.
        assert.equal(sequenceDistance(header.sequence, at.header!.sequence), at.offset)
        const segment = data.subarray(at.offset, at.offset + 700)
        received.push(segment)
        const offset = at.offset + segment.length
        const sequence = sequenceAfter(at.header!.sequence, segment.length)
        at = { ...at, offset, acknowledged: offset, header: { ...at.header!, sequence } }
        await record(at)
      }
    }
    const takeAt = async (node: Node, segments: number): Promise<void> => {
      const session = await resume(node, 'upload')
      await take(session.get(transport)!, segments, async (at) => {
        session.set(transport, at)
        await session.commit({ copies: 1 })
      })
    }

    await take(begin, 6, (at) => a.write('upload', transport, at))
    await a.kill()
    await takeAt(b, 4)
    await takeAt(c, 100)
    assert(Buffer.concat(received).equals(data))
    assert.deepEqual((await resume(b, 'upload')).get(transport), {
      ...begin,
      offset: data.length,
      acknowledged: data.length,
      header: { ...header, sequence: 7_000 },
    })
  })

  it('[R8] basket, transaction and billing address survive the crash of the primary that took them', async () => {
    const [b, c] = await startCluster(2, { drainMs: 0 })
    assert(b !== undefined && c !== undefined)
    const a = await startDoomed([b, c])
    await a.write('basket', purchase, { items: PURCHASE.items.slice(0, 1) })
    await a.write('basket', purchase, PURCHASE)
    await a.kill()
    const found = await resume(c, 'basket')
    assert.deepEqual(found.get(purchase), PURCHASE)
    // The payment goes on there.
    found.set(purchase, { ...PURCHASE, transaction: { ...PURCHASE.transaction!, state: 'captured' } })
    await found.commit({ copies: 1 })
    assert.equal((await resume(b, 'basket')).get(purchase)?.transaction?.state, 'captured')
  })

  it('two servers that change two portions keep both, each with its type', async () => {
    const [a, b, c] = await startCluster(3)
    assert(a !== undefined && b !== undefined && c !== undefined)
    const session = await a.create('both')
    await session.commit({ copies: 2 })
    const other = await resume(b, 'both')
    session.set(transport, TRANSPORT)
    other.set(purchase, PURCHASE)
    await Promise.all([session.commit(), other.commit()])
    await until(async () => (await resume(c, 'both')).portions.length === 2)
    const found = await resume(c, 'both')
    assert.deepEqual(found.get(transport), TRANSPORT)
    assert.deepEqual(found.get(purchase), PURCHASE)
  })

  it('a wrong value changes nothing and is not sent; a foreign one is an error of that portion alone', async () => {
    const [a] = await startCluster(1)
    assert(a !== undefined)
    const session = await a.create('wrong')
    session.set(purchase, PURCHASE)
    session.set('theme', { dark: true })
    await session.commit()
    // @ts-expect-error the compiler sees it first
    assert.throws(() => session.set(purchase, { items: [{ sku: 'tea', quantity: 1 }] }), PortionError)
    assert.deepEqual(session.get(purchase), PURCHASE)
    session.set('purchase', Uint8Array.of(1, 0xff))
    await session.commit()
    assert.throws(() => session.get(purchase), PortionError)
    assert.deepEqual(session.get('purchase'), Uint8Array.of(1, 0xff))
    assert.deepEqual(session.get('theme'), { dark: true })
    session.delete(purchase)
    assert.equal(session.get(purchase), undefined)
  })

  it('a value belongs to who got it, and what was set does not change with its object', async () => {
    const [a] = await startCluster(1)
    assert(a !== undefined)
    const blob = definePortion({ name: 'blob', version: 1, shape: shape.object({ bytes: shape.bytes({ max: 8 }) }) })
    const session = await a.create('owned')
    const value = { bytes: Uint8Array.of(1, 2) }
    session.set(blob, value)
    value.bytes[0] = 9
    const got = session.get(blob)
    got?.bytes.fill(7)
    assert.deepEqual(session.get(blob), { bytes: Uint8Array.of(1, 2) })
  })
})

async function resume(node: Node, id: string): Promise<ResumedSession> {
  const found = await node.resume(id)
  assert(found.outcome === 'complete', `${id} is ${found.outcome}`)
  return found
}
