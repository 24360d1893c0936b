import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '@reprise/core'
import type { Conversation, WorkState } from '../src/conversation.ts'
import { parseListenAddress, showListenAddress } from '../src/listen-address.ts'
import { type GatewayServer, type GatewayServerOptions, serve } from '../src/server.ts'
import { until } from './support/cluster.ts'

const CREDENTIALS = { user: 'somebody', password: 'a-password-of-some-length' }

const NO_FIGURES = { accepted: 0, commands: 0, errors: 0, hits: 0, misses: 0, bytes: { in: 0, out: 0 } }

/** Says each line again; `wait` answers when it is let, `big` with a lot, `end` is the last. */
class Echo implements Conversation {
  static readonly letGo: (() => void)[] = []
  static closed = 0
  static bigAnswers = 0
  #text = ''
  #answers = ''

  get bufferedBytes(): number {
    return this.#text.length
  }

  receive(chunk: Buffer): void {
    this.#text += chunk.toString('latin1')
  }

  async #wait(): Promise<WorkState> {
    await new Promise<void>((resolve) => Echo.letGo.push(resolve))
    this.#answers += 'waited\n'
    return 'full'
  }

  work(): WorkState | Promise<WorkState> {
    for (;;) {
      const at = this.#text.indexOf('\n')
      if (at < 0) return 'more'
      const line = this.#text.slice(0, at)
      this.#text = this.#text.slice(at + 1)
      if (line === 'wait') return this.#wait()
      if (line === 'end') return 'end'
      this.#answers += line === 'big' ? 'x'.repeat(500_000) : `${line}\n`
      if (line !== 'big') continue
      Echo.bigAnswers++
      return 'full'
    }
  }

  take(): Buffer | undefined {
    const answers = this.#answers
    this.#answers = ''
    return answers === '' ? undefined : Buffer.from(answers, 'latin1')
  }

  close(): void {
    Echo.closed++
  }
}

describe('a server around conversations', () => {
  const servers: GatewayServer[] = []
  const sockets: Socket[] = []
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gateway-'))
    Echo.letGo.length = 0
    Echo.closed = 0
    Echo.bigAnswers = 0
  })

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await Promise.all(servers.splice(0).map((server) => server.stop()))
    await rm(directory, { recursive: true })
  })

  const start = async (options: Partial<GatewayServerOptions> = {}): Promise<GatewayServer> => {
    const figures = () => NO_FIGURES
    const init = { name: 'echo', options: { listen: '127.0.0.1:0', ...options }, open: () => new Echo(), figures }
    const server = await serve(init)
    servers.push(server)
    return server
  }
  const open = async (server: GatewayServer): Promise<{ socket: Socket; said: () => string }> => {
    const socket = connect(server.address)
    sockets.push(socket)
    let said = ''
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      said += text
    })
    socket.on('error', () => {})
    await once(socket, 'connect')
    return { socket, said: () => said }
  }

  it('reads addresses, and says what is none', () => {
    for (const text of ['127.0.0.1:0', '[::1]:11211', 'localhost:65535', 'unix:/run/a.sock']) {
      assert.equal(showListenAddress(parseListenAddress(text)), text)
    }
    assert.deepEqual(parseListenAddress('/run/a.sock'), { path: '/run/a.sock' })
    for (const text of [
      '',
      '127.0.0.1',
      ':1',
      'example.org:1',
      '1.2.3.4:65536',
      '::1:1',
      'unix:',
      `/${'x'.repeat(200)}`,
    ]) {
      assert.throws(() => parseListenAddress(text), UsageError, text)
    }
  })

  it('does not listen where others can connect, unless it is told to twice', async () => {
    await assert.rejects(start({ listen: '0.0.0.0:0' }), UsageError)
    await assert.rejects(start({ listen: '0.0.0.0:0', exposed: true }), UsageError)
    await assert.rejects(start({ listen: '[::]:0', credentials: CREDENTIALS }), UsageError)
    await assert.rejects(start({ credentials: { user: 'a', password: 'short' } }), UsageError)
    const server = await start({ listen: '0.0.0.0:0', credentials: CREDENTIALS, exposed: true })
    assert('port' in server.address && server.address.port > 0)
  })

  it('answers in order, what waits and what does not', async () => {
    const server = await start()
    const { socket, said } = await open(server)
    socket.write('one\nwait\ntwo\nwait\nthree\n')
    await until(() => said() === 'one\n' && Echo.letGo.length === 1)
    Echo.letGo[0]?.()
    await until(() => said() === 'one\nwaited\ntwo\n' && Echo.letGo.length === 2)
    socket.write('four\n')
    Echo.letGo[1]?.()
    await until(() => said() === 'one\nwaited\ntwo\nwaited\nthree\nfour\n')
  })

  it('answers what came before the end of a client, and closes', async () => {
    const server = await start()
    const { socket, said } = await open(server)
    socket.end('one\nwait\ntwo\nhalf a li')
    await until(() => Echo.letGo.length === 1)
    Echo.letGo[0]?.()
    await once(socket, 'close')
    assert.equal(said(), 'one\nwaited\ntwo\n')
    await until(() => server.connections === 0 && Echo.closed === 1)
  })

  it('ends a conversation that says so, and hears no more of it', async () => {
    const server = await start()
    const { socket, said } = await open(server)
    socket.write('one\nend\ntwo\n')
    await once(socket, 'close')
    assert.equal(said(), 'one\n')
    await until(() => Echo.closed === 1)
  })

  it('does not answer further who does not take the answers, and goes on when he does', async () => {
    const server = await start()
    const { socket, said } = await open(server)
    socket.pause()
    socket.write('big\n'.repeat(120))
    await until(() => Echo.bigAnswers > 0)
    const beside = await open(server)
    // Whoever is answered meanwhile shows that the server had turns enough to go on.
    for (let answered = 0, rounds = 1; answered !== Echo.bigAnswers; rounds++) {
      answered = Echo.bigAnswers
      beside.socket.write('turn\n')
      await until(() => beside.said().length === rounds * 'turn\n'.length)
    }
    assert(Echo.bigAnswers < 120, `${Echo.bigAnswers} answers of half a megabyte`)
    socket.resume()
    await until(() => said().length === 120 * 500_000)
  }).timeout(60_000)

  it('leaves to the network what comes while it waits', async () => {
    const server = await start()
    const { socket, said } = await open(server)
    socket.write('wait\n')
    await until(() => Echo.letGo.length === 1)
    const [lines, line] = [2_000, `${'x'.repeat(9_999)}\n`]
    socket.write(line.repeat(lines))
    // What it has not read stays where it was written.
    await until(() => socket.writableLength > 0)
    Echo.letGo[0]?.()
    await until(() => said().length === 'waited\n'.length + lines * line.length)
  }).timeout(60_000)

  it('closes further connections than it takes, and those that make it keep too much', async () => {
    const server = await start({ connectionsMax: 2, bufferedBytesMax: 100_000 })
    const [first] = [await open(server), await open(server)]
    const third = await open(server)
    await until(() => third.socket.closed)
    assert.equal(server.refused, 1)
    first.socket.write('x'.repeat(200_000))
    await until(() => first.socket.closed)
    assert.equal(server.refused, 2)
    const { socket, said } = await open(server)
    socket.write('x'.repeat(60_000))
    socket.write('y\n')
    await until(() => said().length === 60_002)
  })

  it('has a socket of its own in the file system, and takes away one that was left behind', async () => {
    const path = join(directory, 'a.sock')
    const server = await start({ listen: `unix:${path}` })
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const { socket, said } = await open(server)
    socket.write('hello\n')
    await until(() => said() === 'hello\n')
    await assert.rejects(start({ listen: `unix:${path}` }), { code: 'EADDRINUSE' })
    await server.stop()
    // A process that is killed leaves its socket.
    const left = createServer().listen(path)
    await once(left, 'listening')
    const again = join(directory, 'b.sock')
    await (await import('node:fs/promises')).rename(path, again)
    left.close()
    await once(left, 'close')
    await (await import('node:fs/promises')).rename(again, path)
    await open(await start({ listen: path }))
  })

  it('stops after what is under way, and at the latest after a second', async () => {
    const server = await start()
    const [idle, busy, stuck] = [await open(server), await open(server), await open(server)]
    busy.socket.write('wait\n')
    await until(() => Echo.letGo.length === 1)
    stuck.socket.write('wait\n')
    await until(() => Echo.letGo.length === 2)
    const stopped = server.stop()
    await once(idle.socket, 'close')
    Echo.letGo[0]?.()
    await once(busy.socket, 'close')
    assert.equal(busy.said(), 'waited\n')
    await once(stuck.socket, 'close')
    await Promise.all([stopped, server.stop()])
    assert.equal(server.connections, 0)
  })
})
