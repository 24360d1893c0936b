/**
 * Debian's HAProxy and nginx, two of each, configured as in `examples/`, whose ticket keys `reprise keys follow` keeps: a client that
 * goes to and fro between the two makes one full handshake, through two rotations.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls, type SecureVersion } from 'node:tls'
import { Home, RunningCommand, runCommand } from '../../packages/cli/test/support/command.ts'
import { until } from '../../packages/cli/test/support/until.ts'
import { rootDirectory } from '../../scripts/workspaces.ts'
import { needs } from '../support/system.ts'
import { exampleFile } from './support/example.ts'

const CERTS = join(rootDirectory, 'packages/tls/test/certs')
const VERSIONS: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3']

interface Terminator {
  readonly program: string
  /** What `reprise keys follow` is told, beside the service. */
  follow(folder: string): readonly string[]
  /** Write its configuration. @returns how to start it in the foreground. */
  configure(folder: string, port: number): readonly [program: string, ...args: string[]]
}

const HAPROXY: Terminator = {
  program: 'haproxy',
  follow: (folder) => ['--haproxy', join(folder, 'ticket.keys'), '--haproxy-socket', join(folder, 'admin.sock')],
  configure: (folder, port) => {
    writeFileSync(join(folder, 'both.pem'), pem('server-rsa.cert.pem') + pem('server-rsa.key.pem'))
    const values = { FOLDER: folder, PORT: port, CERTIFICATE_AND_KEY: join(folder, 'both.pem') }
    writeFileSync(join(folder, 'haproxy.cfg'), exampleFile('haproxy/haproxy.cfg', values))
    return ['haproxy', '-db', '-q', '-f', join(folder, 'haproxy.cfg')]
  },
}

const NGINX: Terminator = {
  program: 'nginx',
  follow: (folder) => ['--nginx', join(folder, 'ticket'), '--reload', `kill -HUP $(cat ${join(folder, 'nginx.pid')})`],
  configure: (folder, port) => {
    const certificate = { CERTIFICATE: join(CERTS, 'server-rsa.cert.pem'), KEY: join(CERTS, 'server-rsa.key.pem') }
    for (const file of ['nginx.conf', 'edge.conf']) {
      const text = exampleFile(`nginx/${file}`, { FOLDER: folder, PORT: port, ...certificate })
      writeFileSync(join(folder, file), text)
    }
    return ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]
  },
}

describe('ticket keys for terminators', function () {
  this.timeout(180_000)
  let home: Home

  before(async () => {
    home = new Home()
    const { exitCode, stderr } = await runCommand(['up', '-n', '2', '--detach'], { home })
    assert.equal(exitCode, 0, stderr)
  })

  after(async () => {
    await runCommand(['down', '--all'], { home })
    home[Symbol.dispose]()
  })

  for (const terminator of [HAPROXY, NGINX]) {
    const { program } = terminator
    it(`[R6] ${program}: tickets of one resume at the other, through two rotations, without a full handshake`, async function () {
      needs(this, program, spawnSync(program, ['-v']).status === 0)
      await using hosts = new AsyncDisposableStack()
      const [a, b] = [await startHost(terminator, 1, home, hosts), await startHost(terminator, 2, home, hosts)]
      const visitors = VERSIONS.map((version) => new Visitor(version, [a.port, b.port]))
      await Promise.all(visitors.map((visitor) => visitor.visitBoth()))
      for (const rotation of [1, 2]) {
        await until('a rotation is allowed', async () => (await keys(home, program, 'rotate')).exitCode === 0)
        await until('both hosts have the keys', async () => {
          await Promise.all(visitors.map((visitor) => visitor.visitBoth()))
          return [a, b].every(({ following }) => linesOf(following).length === rotation + 1)
        })
        await Promise.all(visitors.map((visitor) => visitor.visitBoth()))
      }
      for (const { version, full, resumed } of visitors) {
        assert.equal(full, 1, `${version}: full handshakes, of ${full + resumed}`)
        assert.ok(resumed >= 7, `${version}: ${resumed} resumed`)
      }
      for (const { following } of [a, b]) assert.equal(following.stderr, '')
    })

    it(`${program}: the last ticket of before a leak is a full handshake after all keys were replaced`, async function () {
      needs(this, program, spawnSync(program, ['-v']).status === 0)
      await using hosts = new AsyncDisposableStack()
      const host = await startHost(terminator, 1, home, hosts)
      const visitors = VERSIONS.map((version) => new Visitor(version, [host.port]))
      await Promise.all(visitors.map((visitor) => visitor.visitBoth()))
      const [before] = visitors.map(({ full }) => full)
      assert.equal((await keys(home, program, 'rotate', '--all')).exitCode, 0)
      await until('the host has the keys', () => linesOf(host.following).length === 2)
      // Workers of nginx with the old keys end when they have nothing to do.
      await until('old tickets are not taken', async () => {
        const fresh = VERSIONS.map((version, i) => new Visitor(version, [host.port], visitors[i]?.ticket))
        await Promise.all(fresh.map((visitor) => visitor.visitBoth()))
        return fresh.every(({ full }) => full === before)
      })
    })
  }
})

interface Host {
  readonly port: number
  readonly following: RunningCommand
}

/** A terminator whose keys the node of that number looks after. */
async function startHost(
  terminator: Terminator,
  number: number,
  home: Home,
  owner: AsyncDisposableStack,
): Promise<Host> {
  const folder = home.path(`${terminator.program}-${number}-${Math.random().toString(36).slice(2)}`)
  mkdirSync(folder)
  const port = await freePort()
  const [program, ...args] = terminator.configure(folder, port)
  const outputs = terminator.follow(folder)
  // The first keys are there before the terminator, and the second time it is told.
  const files = outputs.slice(0, 2)
  const first = await keys(home, terminator.program, 'follow', '--once', '--node', `node-${number}`, ...files)
  assert.equal(first.exitCode, 0, first.stderr)
  const running = spawn(program, args, { stdio: 'ignore' })
  owner.defer(async () => {
    running.kill('SIGTERM')
    if (running.exitCode === null) await once(running, 'exit')
  })
  await until(`${program} listens`, () => canConnect(port))
  const command = ['keys', 'follow', '--context', terminator.program, '--node', `node-${number}`, ...outputs]
  const following = owner.use(new RunningCommand(command, { home }))
  await until('the keys are followed', () => linesOf(following).length === 1)
  return { port, following }
}

function keys(home: Home, context: string, verb: string, ...rest: readonly string[]): ReturnType<typeof runCommand> {
  return runCommand(['keys', verb, '--context', context, ...rest], { home })
}

function linesOf(command: RunningCommand): readonly string[] {
  return command.stdout.split('\n').filter((line) => line.includes('seals with'))
}

/** A client that keeps its newest ticket and goes from one server to the next. */
class Visitor {
  readonly version: SecureVersion
  full = 0
  resumed = 0
  ticket: Buffer | undefined
  readonly #ports: readonly number[]

  constructor(version: SecureVersion, ports: readonly number[], ticket?: Buffer) {
    this.version = version
    this.#ports = ports
    this.ticket = ticket
  }

  async visitBoth(): Promise<void> {
    for (const port of this.#ports) await this.#visit(port)
  }

  async #visit(port: number): Promise<void> {
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      servername: 'service.test',
      rejectUnauthorized: false,
      minVersion: this.version,
      maxVersion: this.version,
      ...(this.ticket !== undefined && { session: this.ticket }),
    })
    socket.on('session', (ticket) => {
      this.ticket = ticket
    })
    await once(socket, 'secureConnect')
    if (socket.isSessionReused()) this.resumed += 1
    else this.full += 1
    // OpenSSL tells of a ticket of TLS 1.2 that was renewed only who asks.
    if (this.version === 'TLSv1.2') this.ticket = socket.getSession()
    socket.end('GET / HTTP/1.0\r\n\r\n')
    for await (const _ of socket) {
      // Tickets of TLS 1.3 come with the answer.
    }
  }
}

function pem(file: string): string {
  return readFileSync(join(CERTS, file), 'utf8')
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
  const isThere = await Promise.race([
    once(socket, 'secureConnect').then(() => true),
    once(socket, 'error').then(() => false),
    pause(1_000, false),
  ]).catch(() => false)
  socket.destroy()
  return isThere
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert(address !== null && typeof address === 'object')
  return address.port
}
