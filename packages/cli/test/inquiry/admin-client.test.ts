import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommandError } from '../../src/failure.ts'
import { ask, findPage, NoAnswerError } from '../../src/inquiry/admin-client.ts'
import { FakeAdmin, type FakeAnswer } from '../support/fake-admin.ts'

describe('asking a node', () => {
  async function asked(answer: FakeAnswer, patienceMs = 5_000): Promise<unknown> {
    await using admin = await FakeAdmin.start(() => answer)
    return await ask({ name: 'node-1', url: admin.url }, { path: '/status', patienceMs }).catch(
      (error: unknown) => error,
    )
  }

  it('sends the token, and the header that no web page can, with what changes something', async () => {
    await using admin = await FakeAdmin.start(() => [200, { schemaVersion: 1 }])
    const endpoint = { name: 'node-1', url: admin.url }
    await ask(endpoint, { path: '/status', patienceMs: 5_000 })
    await ask(endpoint, {
      method: 'PUT',
      path: '/sessions/a',
      body: { portions: {} },
      token: 'hush',
      patienceMs: 5_000,
    })
    const [get, put] = admin.seen
    assert.deepEqual([get?.headers['authorization'], get?.headers['x-reprise-admin']], [undefined, undefined])
    assert.deepEqual([put?.headers['authorization'], put?.headers['x-reprise-admin']], ['Bearer hush', '1'])
    assert.deepEqual(put?.body, { portions: {} })
  })

  it('tells what a node refuses, with an exit code for the kind of it', async () => {
    const error = { code: 'ABSENT', message: 'there is no such session', next: 'create it' }
    for (const [status, exitCode] of [
      [400, 2],
      [404, 1],
      [503, 3],
      [504, 4],
    ] as const) {
      const refused = await asked([status, { schemaVersion: 1, error }])
      assert.ok(refused instanceof CommandError)
      assert.deepEqual([refused.message, refused.next, refused.code], [error.message, error.next, error.code])
      assert.equal(refused.exitCode, exitCode)
    }
    assert.match(String(await asked([500, 'oops'])), /node-1 answered with HTTP status 500/)
    assert.match(String(await asked([200, 'hello'])), /is not the admin server of a Reprise node/)
  })

  it('finds the page of a node that has one', async () => {
    await using none = await FakeAdmin.start(() => [404, {}])
    assert.equal(await findPage(none.url), undefined)
    assert.equal(await findPage('http://127.0.0.1:1'), undefined)
    const server = createServer((_, response) => response.end('<!doctype html>\n<title>cluster</title>'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    assert.equal(await findPage(url), `${url}/`)
    await new Promise((resolve) => server.close(resolve))
  })

  it('tells silence and absence from refusal', async () => {
    const silent = await asked('silence', 50)
    assert.ok(silent instanceof NoAnswerError && silent.isTimeout)
    assert.equal(silent.message, 'node-1 does not answer: silent for 50 ms')
    const refused = await ask({ name: 'x', url: 'http://127.0.0.1:1' }, { path: '/', patienceMs: 5_000 }).catch(
      (e: unknown) => e,
    )
    assert.ok(refused instanceof NoAnswerError && !refused.isTimeout)
    assert.equal(refused.why, 'nothing listens there')
  })
})
