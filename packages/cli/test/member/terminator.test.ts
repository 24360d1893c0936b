import assert from 'node:assert/strict'
import { createNode, type Node, type SessionIdInput, tlsSession } from '@reprise/node'
import { cookieOf, type Request, type Visit, visit } from '../../src/clients/tls-client.ts'
import { createCertificate } from '../../src/cluster/certificate.ts'
import type { Certificate } from '../../src/cluster/messages.ts'
import { startTerminator, type Terminator } from '../../src/member/terminator.ts'

describe('terminator', function () {
  this.timeout(30_000)
  let certificate: Certificate
  let nodes: Node[] = []
  let terminators: Terminator[] = []

  before(async () => {
    certificate = await createCertificate()
    const secret = 'a secret of this test'
    const a = await createNode({ name: 'a', secret })
    const b = await createNode({ name: 'b', secret, join: a.addresses })
    nodes = [a, b]
    await Promise.all(nodes.map((node) => node.whenReady({ members: 2, signal: AbortSignal.timeout(20_000) })))
    terminators = await Promise.all(
      nodes.map((node, index) =>
        startTerminator({ name: index === 0 ? 'a' : 'b', node, certificate, confirm: 'copies', port: 0 }),
      ),
    )
  })

  after(async () => {
    await Promise.all(terminators.map((terminator) => terminator.close()))
    await Promise.all(nodes.map((node) => node.stop()))
  })

  function ask(index: 0 | 1, request: Request, session?: Buffer): Promise<Visit> {
    const target = { name: index === 0 ? 'a' : 'b', port: terminators[index]!.port }
    const { certificatePem } = certificate
    const signal = AbortSignal.timeout(20_000)
    return visit({ target, kind: 'TLS 1.3', certificatePem, session, signal }, request)
  }

  const json = { 'content-type': 'application/json' }

  it('says who served and where the TLS session came from, in headers, JSON, text and HTML', async () => {
    const first = await ask(0, { headers: { accept: 'application/json' } })
    assert.equal(first.headers['x-reprise-node'], 'a')
    assert.equal(first.headers['x-reprise-tls'], 'TLSv1.3')
    assert.equal(first.headers['x-reprise-resumed'], 'no')
    assert.equal(first.headers['x-reprise-origin'], 'new')
    const { lookupMs: _, pid, ...facts } = JSON.parse(first.body)
    assert.deepEqual(facts, { node: 'a', tls: 'TLSv1.3', resumed: false, origin: 'new', basket: [] })
    assert.equal(pid, process.pid)

    const text = await ask(1, {}, first.session)
    assert.equal(text.headers['x-reprise-resumed'], 'yes')
    assert.match(text.origin, /^(?:local|peers:a)$/)
    assert.match(text.body, /^served by +b$/m)

    const page = await ask(1, { headers: { accept: 'text/html' } }, text.session)
    assert.match(page.headers['content-type'] ?? '', /^text\/html/)
    const policy = page.headers['content-security-policy'] ?? ''
    assert.match(String(policy), /default-src 'none'/)
    assert.doesNotMatch(String(policy), /unsafe/)
    assert.doesNotMatch(page.body, /<script|https?:|src=/)
  })

  for (const [kind, protocol] of [
    ['TLS 1.2', 'TLSv1.2'],
    ['TLS 1.3', 'TLSv1.3'],
  ] as const) {
    it(`[R6] ${kind}: what the server keeps of a client is a typed portion at every node, with the session identifier`, async () => {
      const [a, b] = nodes
      assert(a !== undefined && b !== undefined)
      const ids: SessionIdInput[] = []
      const create = a.create
      a.create = (id, options) => {
        ids.push(id)
        return create.call(a, id, options)
      }
      const beganMs = Date.now()
      const signal = AbortSignal.timeout(20_000)
      const target = { name: 'a', port: terminators[0]!.port }
      await visit({ target, kind, certificatePem: certificate.certificatePem, session: undefined, signal }, {})
      a.create = create
      const id = ids.at(-1)
      assert(id instanceof Uint8Array)
      const found = await b.resume(id)
      assert(found.outcome === 'complete')
      const kept = found.get(tlsSession)
      assert(kept !== undefined)
      assert.equal(kept.protocol, protocol)
      assert(id.length > kept.sessionId.length && kept.sessionId.length === 32)
      assert(Buffer.from(id).subarray(-32).equals(kept.sessionId), 'the cluster knows it by its identifier')
      assert(Buffer.from(kept.session).includes(Buffer.from(kept.sessionId)))
      assert(kept.createdAtMs !== undefined && kept.createdAtMs >= beganMs - 1_000 && kept.createdAtMs <= Date.now())
    })
  }

  it('[R8] keeps a basket that another server continues', async () => {
    const first = await ask(0, { method: 'POST', path: '/basket/items', headers: json, body: '{"item":"tea"}' })
    assert.equal(first.status, 201)
    const [cookieHeader = ''] = first.headers['set-cookie'] ?? []
    assert.match(cookieHeader, /^sid=[0-9a-f]{32}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    const cookie = cookieOf(first.headers)!

    const body = '{"item":"cups"}'
    const second = await ask(1, { method: 'POST', path: '/basket/items', headers: { ...json, cookie }, body })
    assert.deepEqual(JSON.parse(second.body), { items: ['tea', 'cups'] })
    assert.equal(second.headers['set-cookie'], undefined, 'it has one')
    assert.deepEqual(JSON.parse((await ask(0, { path: '/basket', headers: { cookie } })).body), {
      items: ['tea', 'cups'],
    })
    assert.deepEqual(JSON.parse((await ask(0, { path: '/basket' })).body), { items: [] }, 'a basket is its owner’s')
  })

  it('loses no item when a browser sends several at once', async () => {
    const first = await ask(0, { method: 'POST', path: '/basket/items', headers: json, body: '{"item":"0"}' })
    const cookie = cookieOf(first.headers)!
    const items = ['1', '2', '3', '4', '5']
    await Promise.all(
      items.map((item) =>
        ask(0, { method: 'POST', path: '/basket/items', headers: { ...json, cookie }, body: JSON.stringify({ item }) }),
      ),
    )
    const basket = JSON.parse((await ask(1, { path: '/basket', headers: { cookie } })).body)
    assert.deepEqual(basket.items.toSorted(), ['0', ...items])
  })

  it('takes items of a form, and never a session id that it did not give', async () => {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'text/html',
      cookie: `sid=${'0'.repeat(32)}`,
    }
    const response = await ask(0, { method: 'POST', path: '/basket/items', headers, body: 'item=a+%3Cb%3E' })
    assert.equal(response.status, 303)
    const cookie = cookieOf(response.headers)!
    assert.notEqual(cookie, headers.cookie)
    const page = await ask(1, { headers: { accept: 'text/html', cookie } })
    assert.match(page.body, /a &#60;b&#62;/, 'escaped')
  })

  it('refuses what is no item', async () => {
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '{"item":""}',
      '{"item":7}',
      `{"item":"${'x'.repeat(101)}"}`,
      'x'.repeat(5_000),
      'x'.repeat(1_000_000),
    ]) {
      const { status } = await ask(0, { method: 'POST', path: '/basket/items', headers: json, body })
      assert.equal(status, 400, body.slice(0, 20))
    }
    assert.equal((await ask(0, { path: '/nothing' })).status, 404)
    assert.equal((await ask(0, { method: 'DELETE', path: '/basket' })).status, 404)
  })

  it('serves ranges of the download', async () => {
    const head = await ask(0, { method: 'HEAD', path: '/download' })
    const size = Number(head.headers['content-length'])
    const { etag = '' } = head.headers
    const part = await ask(1, { path: '/download', headers: { range: `bytes=${size - 10}-`, 'if-range': etag } })
    assert.equal(part.status, 206)
    assert.equal(part.headers['content-range'], `bytes ${size - 10}-${size - 1}/${size}`)
    assert.equal(part.headers['repr-digest'], head.headers['repr-digest'])
    const beyond = await ask(1, { path: '/download', headers: { range: `bytes=${size}-` } })
    assert.equal(beyond.status, 416)
    assert.equal(beyond.headers['content-range'], `bytes */${size}`)
  })

  it('takes an upload only where it was acknowledged', async () => {
    const first = await ask(0, { method: 'HEAD', path: '/upload' })
    assert.equal(first.headers['upload-offset'], '0')
    const cookie = cookieOf(first.headers)!
    const put = (index: 0 | 1, offset: number, body: string): Promise<Visit> =>
      ask(index, {
        method: 'PUT',
        path: '/upload',
        headers: { cookie, 'upload-offset': offset, 'upload-length': 6 },
        body,
      })
    const gap = await put(0, 3, 'abc')
    assert.equal(gap.status, 409)
    assert.equal(gap.headers['upload-offset'], '0')
    assert.equal((await put(1, 0, 'abcdef')).status, 204)
    const after = await ask(0, { method: 'HEAD', path: '/upload', headers: { cookie } })
    assert.equal(after.headers['upload-offset'], '6')
    assert.equal(after.headers['upload-node'], 'b')
  })
})
