/** What transcripts of Redis do not show: what this gateway adds, refuses in its own words, and tells of itself. */
import assert from 'node:assert/strict'
import { KeyError, KeyRefusedError, StoreUnavailableError, ValueTooLargeError } from '../../src/errors.ts'
import { COMMANDS } from '../../src/resp/commands/table.ts'
import { REPLIES_BYTES_MAX, SCAN_KEYS_MAX } from '../../src/resp/constants.ts'
import { type Bench, gatewayOnMemory, multibulk, type RespClient } from '../support/resp-client.ts'

let bench: Bench
let client: RespClient

/** Bulk strings of a reply. */
const bulksOf = (reply: string): string[] => [...reply.matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map(([, text = '']) => text)

describe('RESP commands', () => {
  beforeEach(() => {
    bench = gatewayOnMemory()
    client = bench.connect()
  })

  it('take what libraries say about themselves, and refuse the rest of CLIENT in one line', async () => {
    assert.equal(await client.ask('client', 'SETINFO', 'LIB-NAME', 'node-redis'), '+OK\r\n')
    assert.equal(await client.ask('CLIENT', 'SETINFO', 'lib-ver', '6.3.1'), '+OK\r\n')
    assert.match(await client.ask('CLIENT', 'SETINFO', 'LIB-NAME', 'a b'), /^-ERR lib-name cannot contain spaces/)
    assert.match(await client.ask('CLIENT', 'SETINFO', 'COLOUR', 'red'), /^-ERR Unrecognized option 'COLOUR'/)
    assert.equal(await client.ask('CLIENT', 'NO-TOUCH', 'ON'), '+OK\r\n')
    const info = await client.ask('CLIENT', 'INFO')
    assert.match(info, / lib-name=node-redis lib-ver=6\.3\.1 resp=2\n/)
    for (const other of ['LIST', 'KILL', 'MAINT_NOTIFICATIONS', 'TRACKING']) {
      assert.equal(await client.ask('CLIENT', other, 'ON'), `-ERR unknown subcommand '${other}'. Try CLIENT HELP.\r\n`)
    }
  })

  it('tell a client its number, another for each', async () => {
    const ids = [client, bench.connect(), bench.connect()].map((one) => one.ask('CLIENT', 'ID'))
    assert.deepEqual(await Promise.all(ids), [':1\r\n', ':2\r\n', ':3\r\n'])
  })

  it('describe themselves', async () => {
    assert.equal(await client.ask('COMMAND', 'COUNT'), `:${COMMANDS.size}\r\n`)
    const all = await client.ask('COMMAND')
    assert.ok(all.startsWith(`*${COMMANDS.size}\r\n*10\r\n`))
    assert.equal(await client.ask('COMMAND', 'INFO'), all)
    assert.match(
      await client.ask('COMMAND', 'INFO', 'GET'),
      /^\*1\r\n\*10\r\n\$3\r\nget\r\n:2\r\n\*2\r\n\+readonly\r\n\+fast\r\n:1\r\n/,
    )
    assert.match(await client.ask('COMMAND', 'INFO', 'client|id'), /\$9\r\nclient\|id\r\n:2/)
    assert.match(
      await client.ask('COMMAND', 'DOCS', 'get', 'nothing'),
      /^\*2\r\n\$3\r\nget\r\n\*6\r\n\$7\r\nsummary\r\n/,
    )
    assert.match(await client.ask('COMMAND', 'DOCS', 'client'), /\$11\r\nsubcommands\r\n/)
    for (const { summary, arity, name } of COMMANDS.values()) {
      assert.ok(summary.length > 0 && arity !== 0, name)
    }
  })

  it('tell how the gateway does', async () => {
    await client.ask('SET', 'k', 'v')
    await client.ask('GET', 'k')
    await client.ask('GET', 'nothing')
    const info = await client.ask('INFO')
    for (const line of ['loading:0', 'redis_version:7.0.15', 'role:master', 'keyspace_hits:1', 'keyspace_misses:1']) {
      assert.ok(info.includes(`\r\n${line}\r\n`), line)
    }
    assert.match(info, /\r\ndb0:keys=1,/)
    const two = await client.ask('info', 'server', 'CLIENTS')
    assert.deepEqual(two.match(/# \w+/g), ['# Server', '# Clients'])
  })

  it('list all keys over several pages', async () => {
    const keys = Array.from({ length: 2_500 }, (_, i) => `k${i}`)
    for (const key of keys) await client.ask('SET', key, 'v')
    assert.equal(await client.ask('DBSIZE'), ':2500\r\n')
    const listed: string[] = []
    let pages = 0
    let cursor = '0'
    do {
      const [next = '0', ...some] = bulksOf(await client.ask('SCAN', cursor, 'COUNT', '1000000'))
      assert.ok(some.length <= SCAN_KEYS_MAX)
      listed.push(...some)
      cursor = next
      pages += 1
    } while (cursor !== '0')
    assert.deepEqual(listed.sort(), keys.sort())
    assert.equal(pages, 3)
    const [, ...sevens] = bulksOf(await client.ask('SCAN', '0', 'COUNT', '1000', 'MATCH', 'k7?'))
    assert.equal(sevens.length, 10)
    assert.equal(await client.ask('SCAN', '18446744073709551615'), '-ERR invalid cursor\r\n')
  })

  it('cut an end that is too far away to what a key may live', async () => {
    // An epoch in place of a duration, as one terminator sends it.
    assert.equal(await client.ask('SETEX', 'session\0', '1795203653', 'v'), '+OK\r\n')
    assert.equal(await client.ask('TTL', 'session\0'), `:${bench.store.limits.lifeMsMax / 1_000}\r\n`)
  })

  it('count down in milliseconds', async () => {
    await client.ask('SET', 'k', 'v', 'PX', '1500')
    assert.equal(await client.ask('PTTL', 'k'), ':1500\r\n')
    bench.store.memory.nowMs += 1_499
    assert.equal(await client.ask('PTTL', 'k'), ':1\r\n')
    bench.store.memory.nowMs += 1
    assert.equal(await client.ask('GET', 'k'), '$-1\r\n')
  })

  it('keep what other protocols keep with a value when they change it in part', async () => {
    await bench.store.set(Buffer.from('n'), { value: Buffer.from('1'), flags: 7 })
    await client.ask('INCR', 'n')
    await client.ask('APPEND', 'n', '5')
    const entry = await bench.store.get(Buffer.from('n'))
    assert.equal(entry?.flags, 7)
    assert.equal(Buffer.from(entry?.value ?? []).toString(), '25')
  })

  for (const [error, reply] of [
    [new KeyError(300, 250), '-ERR a key has 1 to 250 bytes, not 300\r\n'],
    [new KeyRefusedError(), '-NOPERM this user has no permissions to access one of the keys used as arguments\r\n'],
    [new ValueTooLargeError(9, 8), '-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n'],
    [new StoreUnavailableError('the node could not take the write'), '-ERR the node could not take the write\r\n'],
    [new Error('secret'), '-ERR internal error\r\n'],
  ] as const) {
    for (const isSlow of [false, true]) {
      it(`answer ${error.name}${isSlow ? ' that comes later' : ''}, and go on`, async () => {
        bench.store.isSlow = isSlow
        bench.store.failure = error
        assert.equal(await client.ask('SET', 'k', 'v'), reply)
        assert.equal(await client.ask('SET', 'k', 'v'), '+OK\r\n')
        assert.equal(bench.gateway.facts.counters.errors, 1)
      })
    }
  }

  it('log what nobody expected, without what was asked', async () => {
    const logged: string[] = []
    const logger = {
      debug() {},
      info() {},
      warn() {},
      error: (...words: unknown[]) => logged.push(JSON.stringify(words)),
    }
    bench = gatewayOnMemory({ logger })
    bench.store.failure = new TypeError('of a bug')
    await bench.connect().ask('SET', 'a key', 'a value')
    assert.deepEqual(logged, ['["resp: a command failed",{"error":"TypeError: of a bug"}]'])
  })

  it('answer a pipeline in order, however slow one of its answers is', async () => {
    bench.store.isSlow = true
    const requests = [['SET', 'k', '1'], ['PING'], ['INCR', 'k'], ['ECHO', 'x'], ['GET', 'k']]
    const replies = await client.send(Buffer.concat(requests.map(multibulk)))
    assert.equal(replies, '+OK\r\n+PONG\r\n:2\r\n$1\r\nx\r\n$1\r\n2\r\n')
  })

  it('stop when nobody takes their replies', async () => {
    await client.ask('SET', 'k', Buffer.alloc(100_000, 'v'))
    const { conversation } = client
    conversation.receive(Buffer.concat(Array.from({ length: 50 }, () => multibulk(['GET', 'k']))))
    let taken = 0
    for (let state = conversation.work(); ; state = conversation.work()) {
      const { length } = conversation.take() ?? []
      assert.ok((length ?? 0) < REPLIES_BYTES_MAX + 100_100)
      taken += length ?? 0
      if (state === 'more') break
      assert.equal(state, 'full')
    }
    assert.equal(taken, 50 * '$100000\r\n\r\n'.length + 50 * 100_000)
  })

  it('let in whoever knows the password, with or without the name', async () => {
    bench = gatewayOnMemory({ credentials: { user: 'shop', password: 'one' } })
    client = bench.connect()
    for (const [user, password, isKnown] of [
      ['shop', 'one', true],
      ['shop', 'two', false],
      ['default', 'one', false],
      ['', '', false],
    ] as const) {
      assert.equal((await client.ask('AUTH', user, password)).startsWith('+OK'), isKnown, `${user} ${password}`)
    }
    assert.equal(await client.ask('RESET'), '+RESET\r\n')
    assert.match(await client.ask('GET', 'k'), /^-NOAUTH/)
    assert.equal(await client.ask('AUTH', 'one'), '+OK\r\n')
    assert.match(await client.ask('CLIENT', 'INFO'), / user=shop /)
  })

  it('count who is there', () => {
    const { counters } = bench.gateway.facts
    const other = bench.connect()
    assert.equal(counters.clients, 2)
    other.conversation.close()
    assert.deepEqual([counters.clients, counters.connections], [1, 2])
  })
})
