/** Nothing that an admin server emits on its own tells an id or a value of a session. */
import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { type Admin, fingerprint, startAdmin } from '@reprise/admin'
import { createNode, type Logger, type Node } from '@reprise/node'
import { ask, MAY, TOKEN } from './support/ask.ts'

const ID = 'id-that-nobody-may-see-7f3a'
const VALUE = 'value-that-nobody-may-see-91bc'

describe('what an admin server tells of sessions to those who may not know', () => {
  let nodes: readonly Node[] = []
  let admin: Admin
  let stream: IncomingMessage
  /** Everything that was emitted. */
  const emitted: string[] = []
  const note =
    (level: string) =>
    (message: string, fields?: object): void => {
      emitted.push(`${level} ${message} ${JSON.stringify(fields)}`)
    }
  const logger: Logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }

  before(async () => {
    const secret = 'the secret of a cluster in a test'
    const a = await createNode({ name: 'a', secret, logger })
    const b = await createNode({ name: 'b', secret, join: a.addresses })
    nodes = [a, b]
    await Promise.all(nodes.map((node) => node.whenReady({ members: 2, signal: AbortSignal.timeout(4_000) })))
    const controls = {
      fail: async (): Promise<object> => {
        throw new Error(`about ${ID} with ${VALUE}`)
      },
    }
    admin = await startAdmin({ node: a, token: TOKEN, extension: { controls }, logger })
    stream = await new Promise((resolve) => get({ port: admin.port, path: '/events' }, resolve))
    stream.setEncoding('utf8').on('data', (text: string) => emitted.push(text))
    stream.on('error', () => {})
  })

  after(async () => {
    stream.destroy()
    await Promise.all(nodes.map((node) => node.stop()))
    await admin.close()
  })

  async function note400(method: string, path: string, body?: unknown): Promise<void> {
    const { status, text } = await ask(admin, path, { method, headers: MAY, body })
    assert(status >= 400, `${method} ${path} ${status}`)
    emitted.push(text)
  }

  it('is neither an id nor a value: in the status, metrics, events, errors and logs', async () => {
    const [a, b] = nodes
    assert(a !== undefined && b !== undefined)
    const path = `/sessions/${ID}`
    const send = (method: string, body?: unknown): ReturnType<typeof ask> =>
      ask(admin, path, { method, headers: MAY, body })
    assert.equal((await send('PUT', { create: true, portions: { p: VALUE }, copies: 1 })).status, 201)
    assert.equal((await send('GET')).status, 200)

    // Another node becomes primary, both write at once, and the session is dropped.
    const [here, there] = await Promise.all([a.resume(ID), b.resume(ID)])
    assert(here.outcome === 'complete' && there.outcome === 'complete')
    here.set('p', `${VALUE} here`)
    there.set('p', `${VALUE} there`)
    await Promise.allSettled([here.commit({ copies: 1 }), there.commit({ copies: 1 })])
    await until(() => /event: (?:conflict|session:superseded)\ndata: .*"session":/.test(emitted.join('')))

    await note400('PUT', path, { create: true, portions: { p: VALUE } })
    await note400('PUT', path, { [VALUE]: 1 })
    await note400('PUT', path, { portions: VALUE })
    await note400('PUT', path, { portions: { p: { base64: `*${VALUE}` } } })
    await note400('PUT', path, { copies: 9, portions: { p: VALUE } })
    await note400('POST', `${path}/resume`, { minVersion: VALUE })
    await note400('POST', `${path}/elsewhere`)
    await note400('POST', `/controls/${ID}`)
    await note400('POST', '/controls/fail', { p: VALUE })
    await note400('GET', `/sessions/${ID}%ff`)
    await note400('GET', `/sessions/base64url:${ID}.`)
    await note400('PUT', path, `{"p":"${VALUE}"`)
    assert.equal((await send('DELETE', { copies: 1 })).status, 200)
    await note400('GET', path)
    await note400('POST', `${path}/touch`)
    for (const read of ['/status', '/metrics', '/readyz?verbose']) emitted.push((await ask(admin, read)).text)

    const all = emitted.join('\n')
    for (const secret of [ID, VALUE, TOKEN]) {
      const bytes = Buffer.from(secret)
      for (const shown of [secret, bytes.toString('hex'), bytes.toString('base64url').slice(0, -1)]) {
        assert(!all.includes(shown), `${shown} in ${all.split('\n').find((line) => line.includes(shown))}`)
      }
    }
    for (const told of ['event: snapshot', fingerprint(ID), 'admin: drop a session', 'an admin request failed']) {
      assert(all.includes(told), told)
    }
  })
})

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
