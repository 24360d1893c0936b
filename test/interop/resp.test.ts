/**
 * The RESP gateway beside redis-server 7.0: the same requests, the same bytes. And what people use with Redis, as it is: redis-cli,
 * redis-benchmark, node-redis, ioredis, connect-redis under express-session.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { createKeyValueStore, type GatewayServer, serveResp } from '@reprise/gateways'
import { createNode, type Node } from '@reprise/node'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { multibulk } from '../../packages/gateways/test/support/resp-client.ts'
import { assertSays, inTens, TRANSCRIPT_NAMES } from '../../packages/gateways/test/support/transcript.ts'
import { Browser } from '../../packages/stores/test/support/browser.ts'
import { needs } from '../support/system.ts'
import { hasRedis, RedisServer } from './support/redis-server.ts'
import { SocketConversation } from './support/resp-socket.ts'

const SECRET = 'the secret of a cluster in a test'
/** A look-up that is late is a miss, which Redis does not know; how often a busy machine is late is no promise of a test. */
const READ_DEADLINE_MS = 5_000

describe('RESP', function () {
  this.timeout(120_000)

  const nodes: Node[] = []
  const gateways: GatewayServer[] = []
  let redis: RedisServer

  before(async function () {
    needs(this, 'redis-server', hasRedis())
    redis = await RedisServer.start()
    const first = await createNode({ secret: SECRET })
    const second = await createNode({ secret: SECRET, join: first.addresses })
    nodes.push(first, second)
    await Promise.all(nodes.map((node) => node.whenReady({ members: 2 })))
    for (const node of nodes) {
      const store = createKeyValueStore({ node, readDeadlineMs: READ_DEADLINE_MS })
      gateways.push(await serveResp({ store, listen: '127.0.0.1:0' }))
    }
  })

  after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await Promise.all(nodes.map((node) => node.stop({ drainMs: 0 })))
    await redis?.stop()
  })

  const portOf = (gateway: GatewayServer | undefined): number => {
    assert(gateway !== undefined && 'port' in gateway.address)
    return gateway.address.port
  }
  const port = (): number => portOf(gateways[0])

  describe('beside redis-server', () => {
    const conversations: SocketConversation[] = []
    let theirs: SocketConversation
    let ours: SocketConversation

    before(async () => {
      theirs = new SocketConversation({ path: redis.socketPath })
      ours = new SocketConversation({ port: port() })
      conversations.push(theirs, ours)
      for (const one of conversations) await one.connect()
    })

    after(() => {
      for (const one of conversations) one.close()
    })

    for (const name of TRANSCRIPT_NAMES) {
      it(`says what is in the transcript ${name}`, async () => {
        await assertSays(name, theirs, true)
        await assertSays(name, ours)
      })
    }

    it('says what is in the transcript auth', async () => {
      const [protectedRedis, node] = [await RedisServer.start('--requirepass', 'secret'), nodes[0]]
      assert(node !== undefined)
      const conversation = new SocketConversation({ path: protectedRedis.socketPath })
      try {
        await assertSays('auth', conversation, true)
      } finally {
        conversation.close()
        await protectedRedis.stop()
      }
    })

    it('answers whatever is asked alike', async () => {
      await theirs.connect()
      await ours.connect()
      let count = 0
      await fc.assert(
        fc.asyncProperty(fc.array(requests, { minLength: 1, maxLength: 30 }), fc.boolean(), async (asked, isThree) => {
          for (const one of conversations) {
            await one.exchange(multibulk(['HELLO', isThree ? '3' : '2']))
            await one.exchange(multibulk(['FLUSHALL']))
          }
          for (const words of asked) {
            const replies = await Promise.all(conversations.map((one) => one.exchange(multibulk(words))))
            const [expected, actual] = replies.map(({ reply }) => (words[0] === 'TTL' ? inTens(reply) : reply))
            assert.equal(actual?.toString('latin1'), expected?.toString('latin1'), words.join(' '))
            count += 1
          }
        }),
        { numRuns: 400 },
      )
      assert.ok(count > 1_000)
    })

    it('finds the keys that Redis finds', async () => {
      const keys = ['a', 'ab', 'abc', 'b', 'a*', 'a?', '[a]', 'a-c', '^a', 'a\\b', ']', 'hello', 'h.llo']
      for (const key of keys) for (const one of conversations) await one.exchange(multibulk(['SET', key, 'v']))
      const token = fc.constantFrom('a', 'b', 'c', '*', '?', '[', ']', '^', '-', '\\', 'h', 'l')
      await fc.assert(
        fc.asyncProperty(fc.array(token, { maxLength: 6 }), async (tokens) => {
          const request = multibulk(['SCAN', '0', 'COUNT', '1000', 'MATCH', tokens.join('')])
          const [expected, actual] = await Promise.all(conversations.map((one) => one.exchange(request)))
          assert.deepEqual(keysOf(actual?.reply), keysOf(expected?.reply))
        }),
        { numRuns: 300 },
      )
    })

    it('describes its commands as Redis does', async () => {
      const clients = [new Redis({ path: redis.socketPath }), new Redis({ port: port() })]
      try {
        const described = (await clients[1]?.call('COMMAND')) as readonly Described[]
        const names = described.map(([name]) => name)
        const [expected, actual] = await Promise.all(
          clients.map(async (client) => (await client.call('COMMAND', 'INFO', ...names)) as readonly Described[]),
        )
        assert.equal(names.length, expected?.length)
        for (const [i, name] of names.entries())
          assert.deepEqual(comparable(actual?.[i]), comparable(expected?.[i]), name)
      } finally {
        for (const client of clients) client.disconnect()
      }
    })
  })

  describe('with what people use', () => {
    const run = async (program: string, args: readonly string[], input?: string): Promise<string> => {
      const running = promisify(execFile)(program, ['-p', String(port()), ...args])
      running.child.stdin?.end(input)
      return (await running).stdout
    }

    it('redis-cli: one command, many, RESP3, and its own help', async () => {
      assert.equal(await run('redis-cli', ['SET', 'cli', 'a b']), 'OK\n')
      assert.equal(await run('redis-cli', ['-3', 'GET', 'cli']), 'a b\n')
      assert.equal(
        await run('redis-cli', [], 'SETEX n 100 5\nINCR n\nTYPE n\nCONFIG GET save\nGET "no such"\n'),
        'OK\n6\nstring\nsave\n\n\n',
      )
      assert.match(await run('redis-cli', ['INFO', 'server']), /redis_version:7/)
      assert.equal((await run('redis-cli', ['--scan', '--pattern', 'cl?'])).trim(), 'cli')
      assert.match(await run('redis-cli', ['--pipe'], 'SET piped 1\r\nSET piped 2\r\n'), /errors: 0, replies: 2/)
    })

    it('redis-benchmark, in pipelines and not', async () => {
      for (const pipeline of ['1', '16']) {
        const args = [
          '-n',
          '2000',
          '-c',
          '20',
          '-P',
          pipeline,
          '-t',
          'ping,set,get,incr,mset',
          '-d',
          '200',
          '-r',
          '100',
          '--csv',
        ]
        const lines = (await run('redis-benchmark', args)).trim().split('\n')
        assert.deepEqual(
          lines.slice(1).map((line) => line.split(',')[0]),
          ['"PING_INLINE"', '"PING_MBULK"', '"SET"', '"GET"', '"INCR"', '"MSET (10 keys)"'],
        )
      }
    })

    for (const version of [2, 3] as const) {
      it(`node-redis with RESP${version}`, async () => {
        const client = await createClient({ RESP: version, socket: { port: port(), host: '127.0.0.1' } }).connect()
        try {
          assert.equal(await client.set('nr', 'v', { expiration: { type: 'EX', value: 100 }, condition: 'NX' }), 'OK')
          assert.equal(await client.set('nr', 'w', { condition: 'NX' }), null)
          assert.equal(await client.get('nr'), 'v')
          assert.ok((await client.ttl('nr')) > 50)
          assert.deepEqual(await client.mGet(['nr', 'no such']), ['v', null])
          assert.equal(await client.getEx('nr', { type: 'PERSIST' }), 'v')
          assert.equal(await client.getDel('nr'), 'v')
          assert.deepEqual(
            await Promise.all(Array.from({ length: 5 }, () => client.incr(`nr-n${version}`))),
            [1, 2, 3, 4, 5],
          )
          const listed: string[] = []
          for await (const keys of client.scanIterator({ MATCH: `nr-n${version}*`, COUNT: 100 })) listed.push(...keys)
          assert.deepEqual(listed, [`nr-n${version}`])
          await assert.rejects(client.sendCommand(['INCRBY', `nr-n${version}`, 'x']), /value is not an integer/)
          assert.deepEqual({ ...(await client.configGet('appendonly')) }, { appendonly: 'no' })
        } finally {
          await client.close()
        }
      })
    }

    it('ioredis', async () => {
      const client = new Redis({ port: port() })
      try {
        assert.equal(await client.set('io', 'v', 'EX', 100), 'OK')
        assert.equal(await client.get('io'), 'v')
        const replies = await client.pipeline().incr('io-n').incrby('io-n', 4).get('io-n').del('io').exec()
        assert.deepEqual(
          replies?.map(([error, reply]) => error ?? reply),
          [1, 5, '5', 1],
        )
        assert.deepEqual(await client.getBuffer('io-n'), Buffer.from('5'))
        await assert.rejects(client.multi().get('io').exec(), /unknown command|EXECABORT/)
      } finally {
        client.disconnect()
      }
    })

    it('[R3] connect-redis under express-session: a login at one server goes on at the other', async () => {
      const [one, other] = await Promise.all(gateways.map((gateway) => startShop(portOf(gateway))))
      assert(one !== undefined && other !== undefined)
      try {
        assert.equal((await one.browser.get('/login/ada')).body, 'ada')
        other.browser.share(one.browser)
        assert.equal((await other.browser.get('/me')).body, 'ada')
        assert.equal(await one.store.length(), 1)
        await other.browser.get('/logout')
        assert.equal((await one.browser.get('/me')).body, null)
        assert.deepEqual(await other.store.ids(), [])
      } finally {
        for (const shop of [one, other]) await shop.stop()
      }
    })
  })
})

type Described = readonly [name: string, arity: number, flags: string[], ...keys: number[]]

/** What `COMMAND INFO` says that depends on no version: tips and subcommands apart, lists in order. */
function comparable(described: readonly unknown[] | undefined): unknown {
  assert(described !== undefined)
  const [name, arity, flags, first, last, step, categories] = described as [
    string,
    number,
    string[],
    number,
    number,
    number,
    string[],
  ]
  return { name, arity, flags: [...flags].sort(), first, last, step, categories: [...categories].sort() }
}

function keysOf(reply: Buffer | undefined): readonly string[] {
  const lines = (reply ?? Buffer.alloc(0)).toString('latin1').split('\r\n')
  return lines.filter((line, i) => i >= 4 && i % 2 === 0 && line !== '').sort()
}

interface Shop {
  readonly browser: Browser
  readonly store: { length(): Promise<number>; ids(): Promise<readonly string[]> }
  stop(): Promise<void>
}

/** An application as connect-redis's own page has it. */
async function startShop(port: number): Promise<Shop> {
  const client = await createClient({ socket: { port, host: '127.0.0.1' } }).connect()
  const store = new RedisStore({ client, prefix: 'shop:' })
  const app = express()
  app.use(session({ store, secret: 'of a test', resave: false, saveUninitialized: false }))
  app.get('/login/:user', (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error)
      request.session.user = request.params.user
      request.session.save((failure) => (failure ? next(failure) : response.redirect('/me')))
    })
  })
  app.get('/me', (request, response) => void response.json(request.session.user ?? null))
  app.get('/logout', (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.json('bye')))
  })
  const server: Server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    browser: new Browser(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    store: { length: async () => (await store.ids()).length, ids: () => store.ids() },
    stop: async () => {
      server.close()
      await client.close()
    },
  }
}

const keys = fc.constantFrom('a', 'b', 'c\0')
const values = fc.constantFrom('1', '-7', '3.5', 'text', '', '9223372036854775807', '\xff\0')
const options = fc.array(
  fc.oneof(
    fc.constantFrom(['NX'], ['XX'], ['GET'], ['GET'], ['KEEPTTL'], ['PERSIST'], ['WHAT'], ['EX'], ['gt'], ['LT']),
    fc
      .tuple(fc.constantFrom('EX', 'EXAT', 'px', 'PXAT'), fc.constantFrom('100000', '200000', '0', '-1', 'x'))
      .map((pair) => [...pair]),
  ),
  { maxLength: 3 },
)
/** Of seconds and of milliseconds: long enough that no key ends while it is asked for. */
const times = fc.constantFrom('100000', '200000', '0', '-1', 'x', '9223372036854775807')

const setOptions = fc
  .tuple(
    fc.constantFrom([], ['NX'], ['XX']),
    fc.constantFrom([], ['GET']),
    fc.constantFrom([], ['EX', '100'], ['KEEPTTL']),
  )
  .map((some) => some.flat())

/** Requests whose replies depend on no clock and no order of keys. */
const requests: fc.Arbitrary<string[]> = fc.oneof(
  fc.tuple(fc.constantFrom('GET', 'STRLEN', 'TYPE', 'EXISTS', 'DEL', 'INCR', 'DECR', 'GETDEL', 'TTL', 'PERSIST'), keys),
  fc.tuple(fc.constantFrom('INCRBY', 'DECRBY', 'APPEND', 'SETNX', 'GETSET', 'SET'), keys, values),
  // With a key of its own: of more digits than a long double has, ours is exact and Redis's is not.
  fc.tuple(
    fc.constantFrom('INCRBYFLOAT', 'SET'),
    fc.constant('float'),
    fc.constantFrom('1', '-2.5', '0.125', '10', 'x', ''),
  ),
  fc.tuple(fc.constantFrom('SETEX', 'PSETEX'), keys, times, values),
  fc
    .tuple(fc.constant('SET'), keys, values, options)
    .map(([name, key, value, more]) => [name, key, value, ...more.flat()]),
  fc.tuple(fc.constant('SET'), keys, values, setOptions).map(([name, key, value, more]) => [name, key, value, ...more]),
  fc.tuple(fc.constant('GETEX'), keys, options).map(([name, key, more]) => [name, key, ...more.flat()]),
  fc
    .tuple(fc.constant('EXPIRE'), keys, times, options)
    .map(([name, key, time, more]) => [name, key, time, ...more.flat()]),
  fc
    .tuple(fc.constantFrom('MGET', 'EXISTS', 'UNLINK', 'MSET'), fc.array(keys, { maxLength: 4 }))
    .map(([name, more]) => [name, ...more]),
  fc.array(fc.constantFrom('GET', 'a', 'PING', 'CLIENT', 'GETNAME', 'SELECT', '0', 'NOSUCH', 'CONFIG'), {
    minLength: 1,
    maxLength: 4,
  }),
)
