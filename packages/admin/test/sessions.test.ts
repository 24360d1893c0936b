/** Sessions over HTTP, at two real nodes. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type Admin, startAdmin } from '@reprise/admin'
import { createNode, type Node, purchase } from '@reprise/node'
import { type Answer, type Asking, ask, MAY, TOKEN } from './support/ask.ts'

describe('sessions over HTTP', () => {
  let nodes: readonly Node[] = []
  let admins: readonly Admin[] = []

  before(async () => {
    const secret = 'the secret of a cluster in a test'
    const a = await createNode({ name: 'a', secret })
    const b = await createNode({ name: 'b', secret, join: a.addresses })
    nodes = [a, b]
    await Promise.all(nodes.map((node) => node.whenReady({ members: 2, signal: AbortSignal.timeout(4_000) })))
    admins = await Promise.all(nodes.map((node) => startAdmin({ node, token: TOKEN })))
  })

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()))
    await Promise.all(admins.map((admin) => admin.close()))
  })

  function send(at: 'a' | 'b', method: string, path: string, body?: unknown): Promise<Answer> {
    const admin = admins[at === 'a' ? 0 : 1]
    assert(admin !== undefined)
    const asking: Asking = { method, headers: MAY, ...(body !== undefined && { body }) }
    return ask(admin, `/sessions/${path}`, asking)
  }

  /** What is told of a session, without what is different each time. */
  function told({ json }: Answer): { outcome: unknown; values: unknown } {
    const { outcome, portions } = Object(json)
    const values = Object.entries(portions ?? {}).map(([name, portion]) => [name, Object(portion).value])
    return { outcome, values: Object.fromEntries(values) }
  }

  it('[R5] what is written at one node is read at another', async () => {
    const portions = { basket: { items: ['tea'] }, raw: { base64: 'AAH/' }, gone: 1 }
    const created = await send('a', 'PUT', 'cart-1', {
      create: true,
      idleMs: 60_000,
      absoluteMs: 120_000,
      portions,
      copies: 1,
    })
    assert.equal(created.status, 201)
    const { token, idleMsLeft, absoluteMsLeft, origin, id } = Object(created.json)
    assert.deepEqual([id, origin.kind], ['cart-1', 'local'])
    assert(idleMsLeft > 0 && idleMsLeft <= 60_000 && absoluteMsLeft > 60_000 && absoluteMsLeft <= 120_000)

    const resumed = await send('b', 'POST', 'cart-1/resume?reveal=1', { minVersion: token })
    assert.deepEqual(told(resumed), { outcome: 'complete', values: portions })

    const changed = await send('b', 'PUT', 'cart-1', {
      portions: { basket: { items: ['tea', 'milk'] }, gone: null },
      copies: 1,
    })
    assert.equal(changed.status, 200)
    const proof = Object(changed.json).token
    const again = await send('a', 'POST', 'cart-1/resume?reveal=1', { minVersion: proof, portions: ['basket', 'gone'] })
    assert.deepEqual(told(again), { outcome: 'complete', values: { basket: { items: ['tea', 'milk'] } } })
  })

  it('[R8] a purchase written by the library can be looked at, and what it is made of', async () => {
    const session = await nodes[0]!.create('cart-2')
    session.set(purchase, { items: [{ sku: 'tea', quantity: 2, price: { amount: 450, currency: 'EUR' } }] })
    await session.commit({ copies: 1 })
    const answer = await send('b', 'GET', 'cart-2?portions=purchase')
    assert.equal(answer.status, 200)
    const { portions } = Object(answer.json)
    assert.deepEqual(Object.keys(portions), ['purchase'])
    assert(portions.purchase.bytes > 10)
    assert.equal(portions.purchase.version, `1.1@${nodes[0]!.nodeId}`)
    assert.equal(portions.purchase.value, undefined)
  })

  it('tells values only when asked to, and of the portions that were asked for', async () => {
    await send('a', 'PUT', 'cart-3', { create: true, portions: { a: 'first', b: 'second' }, copies: 1 })
    for (const hidden of [await send('a', 'GET', 'cart-3'), await send('a', 'POST', 'cart-3/resume')]) {
      assert.doesNotMatch(hidden.text, /first|second/)
    }
    assert.deepEqual(told(await send('a', 'GET', 'cart-3?reveal=1&portions=b')).values, { b: 'second' })
    assert.deepEqual(told(await send('a', 'GET', 'cart-3?reveal=1&portions=a,b')).values, { a: 'first', b: 'second' })
  })

  it('looking does not make a node primary', async () => {
    const made = Object((await send('a', 'PUT', 'cart-4', { create: true, portions: { n: 1 }, copies: 1 })).json)
    const looked = Object((await send('b', 'GET', 'cart-4')).json)
    assert.equal(looked.token, made.token)
  })

  it('takes any id', async () => {
    const bytes = randomBytes(16)
    for (const [path, id] of [
      [encodeURIComponent('ünï/cödé?#%'), 'ünï/cödé?#%'],
      [`base64url:${bytes.toString('base64url')}`, new Uint8Array(bytes)],
      [`base64url:${Buffer.from('base64url:x').toString('base64url')}`, 'base64url:x'],
    ] as const) {
      const { status, json } = await send('a', 'PUT', path, { create: true, portions: { n: 1 } })
      assert.deepEqual([status, decodeURIComponent(path)], [201, Object(json).id])
      assert.equal((await nodes[0]!.resume(id)).outcome, 'complete')
    }
  })

  it('touches, and drops for ever', async () => {
    await send('a', 'PUT', 'cart-5', { create: true, portions: { n: 1 }, copies: 1 })
    assert.equal((await send('b', 'POST', 'cart-5/touch')).status, 200)
    assert.deepEqual(told(await send('b', 'DELETE', 'cart-5', { copies: 1 })).outcome, 'dropped')
    for (const [method, path] of [
      ['GET', 'cart-5'],
      ['PUT', 'cart-5'],
      ['DELETE', 'cart-5'],
      ['POST', 'cart-5/touch'],
    ] as const) {
      const { status, json } = await send('a', method, path)
      assert.deepEqual([status, Object(json).error.code], [404, 'ABSENT'], method)
    }
  })

  it('says what it cannot do', async () => {
    await send('a', 'PUT', 'cart-6', { create: true })
    const wrong: readonly [string, string, unknown, number, string][] = [
      ['PUT', 'cart-6', { create: true }, 409, 'ALREADY_EXISTS'],
      ['PUT', 'cart-6', { copies: 7 }, 503, 'NOT_ENOUGH_HOLDERS'],
      ['PUT', 'cart-6', { copies: -1 }, 400, 'USAGE'],
      ['PUT', 'cart-6', { idleMs: 1 }, 400, 'USAGE'],
      ['PUT', 'cart-6', { portion: {} }, 400, 'USAGE'],
      ['PUT', 'cart-6', { portions: [] }, 400, 'USAGE'],
      ['PUT', 'cart-6', { portions: { '': 1 } }, 400, 'USAGE'],
      ['PUT', 'cart-6', { portions: { n: { base64: '*' } } }, 400, 'USAGE'],
      ['PUT', 'cart-6', { create: 'yes' }, 400, 'USAGE'],
      ['PUT', 'cart-6', { deadlineMs: 1e9 }, 400, 'USAGE'],
      ['POST', 'cart-6/resume', { portions: 'n' }, 400, 'USAGE'],
      ['POST', 'cart-6/resume', { portions: [1] }, 400, 'USAGE'],
      ['POST', 'cart-6/resume', { consistency: 'never' }, 400, 'USAGE'],
      ['POST', 'cart-6/resume', { minVersion: 1 }, 400, 'USAGE'],
      ['GET', 'cart-6?deadlineMs=soon', undefined, 400, 'USAGE'],
      ['GET', 'x'.repeat(256), undefined, 413, 'LIMIT'],
    ]
    for (const [method, path, body, status, code] of wrong) {
      const answer = await send('a', method, path, body)
      assert.deepEqual(
        [answer.status, Object(answer.json).error?.code],
        [status, code],
        `${method} ${JSON.stringify(body)}`,
      )
    }
  })
})
