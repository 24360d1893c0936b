/** Bad input over HTTP: whatever the path and the body, the answer is one that is meant, and the server goes on. */
import assert from 'node:assert/strict'
import { type Admin, startAdmin } from '@reprise/admin'
import { createNode, type Node } from '@reprise/node'
import fc from 'fast-check'
import { ask, MAY, TOKEN } from './support/ask.ts'

/** What may be said of a request that is wrong: never that something broke here. */
const MEANT: ReadonlySet<number> = new Set([200, 201, 400, 404, 405, 409, 413, 414, 415, 431, 503, 504])

describe('bad input over HTTP', function () {
  this.slow(3_000)
  let node: Node
  let admin: Admin

  before(async () => {
    node = await createNode()
    admin = await startAdmin({ node, token: TOKEN })
  })

  after(async () => {
    await node.stop()
    await admin.close()
  })

  const escaped = fc.constantFrom(
    '%',
    '%0',
    '%00',
    '%ff',
    '%c3%28',
    '%ed%a0%80',
    '%2f',
    '%2e%2e',
    'base64url:',
    ':',
    '.',
    '=',
  )
  const ids = fc
    .array(fc.oneof(escaped, fc.stringMatching(/^[\w.~-]{0,9}$/)), { maxLength: 8 })
    .map((parts) => parts.join(''))
  const names = fc.constantFrom('portions', 'create', 'idleMs', 'absoluteMs', 'seal', 'copies', 'deadlineMs', 'else')
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(
      -1,
      0.5,
      2 ** 53,
      1e308,
      '',
      '\0',
      '\ud800',
      [],
      {},
      { base64: '*' },
      { p: { base64: 1 } },
      { '': 1 },
    ),
  )
  const bodies = fc.oneof(
    fc.dictionary(names, odd, { maxKeys: 4 }).map((body) => JSON.stringify(body)),
    fc.json(),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom('{"__proto__":{}}', '['.repeat(50_000), '{"portions":'.repeat(9_000), '\ufeff{}', '{}{}', 'null'),
  )

  it('[R5] is answered as what it is, and a good request after it, too', async () => {
    const requests = fc.tuple(
      fc.constantFrom('GET', 'PUT', 'POST', 'DELETE'),
      ids,
      fc.constantFrom('', '/resume', '/touch', '?portions=,,&deadlineMs=x', '?deadlineMs=1e9'),
      bodies,
    )
    const headers = { ...MAY, 'content-type': 'application/json' }
    await fc.assert(
      fc.asyncProperty(requests, async ([method, id, end, body]) => {
        const path = `/sessions/${id}${end}`
        const { status, json } = await ask(admin, path, method === 'GET' ? { headers } : { method, headers, body })
        assert(MEANT.has(status), `${status} to ${method} ${path} ${body}`)
        if (status >= 400) assert.equal(typeof Object(json).error.next, 'string')
      }),
      { numRuns: 300 },
    )
    assert.equal((await ask(admin, '/readyz')).status, 200)
  })
})
