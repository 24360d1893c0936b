/** Nothing that a cluster says on its own, and no error that it throws, tells a secret, an id or a value. */
import assert from 'node:assert/strict'
import { get } from 'node:http'
import { inspect } from 'node:util'
import { startAdmin } from '@reprise/admin'
import { SHARD_COUNT } from '@reprise/core'
import { createNode, type Logger, NODE_EVENTS, type Node, type NodeOptions } from '@reprise/node'
import { createNetwork } from '@reprise/p2p'
import { encodeMessage } from '../../packages/core/src/wire/message-codec.ts'
import { found, signalIn, until } from './support.ts'

const SECRET = 'secret-that-nobody-may-see-5d20'
const WRONG_SECRET = 'wrong-secret-of-somebody-c41e'
const ID = 'id-that-nobody-may-see-7f3a'
const VALUE = 'value-that-nobody-may-see-91bc'
const TOKEN = 'token-that-nobody-may-see-0a17'
const KEYS = [new Uint8Array(32).fill(0xa7), new Uint8Array(32).fill(0xb8)]

describe('what a cluster says', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(60_000)
  this.slow(5_000)

  it('[R5] is no secret, no id and no value: in logs, events, errors, metrics and status', async () => {
    const said: string[] = []
    const note =
      (level: string) =>
      (message: string, fields?: object): void => {
        said.push(`${level} ${message} ${JSON.stringify(fields)} ${inspect(fields, { depth: 9 })}`)
      }
    const logger: Logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
    const start = (options: NodeOptions): Promise<Node> =>
      createNode({ secret: SECRET, logger, sealKeys: [KEYS[0]!], drainMs: 500, ...options })
    /** What fails, and how it shows when an application logs it. */
    const fails = async (work: () => unknown): Promise<void> => {
      try {
        await work()
      } catch (error) {
        said.push(`error ${String(error)} ${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`)
        return
      }
      assert.fail('it was to fail')
    }

    const a = await start({ name: 'a' })
    const b = await start({ name: 'b', join: a.addresses })
    const c = await start({ name: 'c', join: a.addresses, sealKeys: [KEYS[1]!] })
    const stranger = await createNetwork({ shardCount: SHARD_COUNT, secret: WRONG_SECRET, join: a.addresses, logger })
    const rogue = await createNetwork({ shardCount: SHARD_COUNT, secret: SECRET, join: a.addresses, logger })
    const admin = await startAdmin({ node: a, token: TOKEN, logger })
    const events = get({ port: admin.port, path: '/events' }, (answer) => {
      answer.setEncoding('utf8').on('data', (text: string) => said.push(text))
      answer.on('error', () => {})
    })
    events.on('error', () => {})
    try {
      for (const node of [a, b, c]) await node.whenReady({ members: 3, signal: signalIn(15_000) })
      for (const name of NODE_EVENTS) a.on(name, () => {})
      const silent = { onPeerUp: () => {}, onPeerDown: () => {}, onSubscriber: () => {}, onFrame: () => {} }
      for (const network of [stranger, rogue]) await network.start({ ...silent, onMessage: () => {} })

      const session = await a.create(ID)
      session.set('open', VALUE)
      session.set('sealed', VALUE, { seal: true })
      await session.commit({ copies: 2 })
      await fails(() => a.create(ID))
      await fails(() => session.set('open', { field: [VALUE, () => VALUE] } as never))
      await fails(() => session.set(VALUE.repeat(9), 1))
      await fails(() => a.resume(ID, { minVersion: VALUE as never }))
      await fails(() => a.resume(ID.repeat(20)))
      const there = await found(c, ID)
      await fails(() => there.get('sealed'))
      await fails(() => session.commit({ copies: 9, deadlineMs: 50 }))
      await fails(() => start({ secret: SECRET.slice(0, 8) }))
      await fails(() => start({ sealKeys: [Buffer.from(SECRET)] }))

      const [here, other] = [await found(a, ID), await found(b, ID)]
      here.set('open', `${VALUE} here`)
      other.set('open', `${VALUE} there`)
      await Promise.allSettled([here.commit({ copies: 2 }), other.commit({ copies: 2 })])

      await until(() => rogue.peers.includes(a.nodeId))
      const pull = { type: 'pull', request: 1, key: ID, portions: [VALUE], have: [] } as const
      const good = Buffer.from(encodeMessage(pull as never, 0))
      for (const bytes of [good.subarray(0, -4), Buffer.from(`\u000d${ID}${VALUE}`), Buffer.from(`\u0004${VALUE}`)]) {
        rogue.send(a.nodeId, 'control', bytes)
        rogue.send(a.nodeId, 'bulk', bytes)
      }
      await until(() => a.status().badMessages >= 3)
      await until(() => stranger.stats().counters.dialsFailed >= 1)

      const last = await found(a, ID)
      await last.drop({ copies: 1 })
      await fails(() => here.commit())
      for (const path of ['/status', '/metrics', '/readyz?verbose', `/sessions/${ID}`, `/sessions/${ID}%ff`]) {
        const answer = await fetch(`http://127.0.0.1:${admin.port}${path}`, {
          headers: { authorization: `Bearer ${TOKEN}`, 'x-reprise-admin': '1' },
        })
        said.push(await answer.text())
      }
      for (const node of [a, b, c])
        said.push(JSON.stringify([node.status(), node.stats()]), inspect(node, { depth: 9 }))
    } finally {
      events.destroy()
      await admin.close()
      await Promise.all([stranger.stop(), rogue.stop()])
      await Promise.all([a, b, c].map((node) => node.stop()))
    }
    await fails(() => a.create(ID))

    const all = said.join('\n')
    const keys = KEYS.map((key) => Buffer.from(key))
    for (const secret of [...[SECRET, WRONG_SECRET, ID, VALUE, TOKEN].map((text) => Buffer.from(text)), ...keys]) {
      for (const shown of [secret.toString(), secret.toString('hex'), secret.toString('base64').slice(0, -3)]) {
        assert(!all.includes(shown), `${shown} in ${all.split('\n').find((line) => line.includes(shown))}`)
      }
    }
    for (const told of [
      'dropped a message that is not valid',
      'ALREADY_EXISTS',
      'SEAL',
      'DROPPED',
      'event: snapshot',
    ]) {
      assert(all.includes(told), told)
    }
  })
})
