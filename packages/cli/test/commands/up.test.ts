import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type ClientKind, visit } from '../../src/clients/tls-client.ts'
import { RunningCommand } from '../support/command.ts'
import { isAlive, until } from '../support/until.ts'

interface UpNode {
  readonly name: string
  readonly pid: number
  readonly peerId: string
  readonly listen: string
  readonly admin: string
  readonly tlsPort: number
}

const run = promisify(execFile)
const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
)

describe('reprise up', function () {
  this.timeout(60_000)
  const KINDS: readonly ClientKind[] = ['TLS 1.2', 'TLS 1.2, no tickets', 'TLS 1.3']
  let command: RunningCommand
  let nodes: UpNode[] = []
  let certificatePem = ''
  let scratch = ''

  before(async () => {
    command = new RunningCommand(['up', '-n', '3', '--json'])
    scratch = mkdtempSync(join(tmpdir(), 'reprise-test-'))
    nodes = JSON.parse(await command.firstLine()).nodes
    certificatePem = await (await fetch(`${nodes[0]!.admin}/certificate`)).text()
  })

  after(async () => {
    await command[Symbol.asyncDispose]()
    rmSync(scratch, { recursive: true, force: true })
  })

  it('prints one line of JSON when all are ready', async () => {
    const line = JSON.parse(await command.firstLine())
    assert.deepEqual(Object.keys(line), ['schemaVersion', 'nodes'])
    assert.equal(line.schemaVersion, 1)
    assert.deepEqual(
      nodes.map(({ name }) => name),
      ['node-1', 'node-2', 'node-3'],
    )
    for (const node of nodes) {
      assert.deepEqual(Object.keys(node), ['name', 'pid', 'peerId', 'listen', 'admin', 'tlsPort'])
      assert.ok(isAlive(node.pid))
      assert.ok(node.listen.endsWith(`/p2p/${node.peerId}`))
      assert.equal((await fetch(`${node.admin}/readyz`)).status, 200)
    }
  })

  it('[R3] [R6] TLS sessions of a node that is killed resume at the others, at once', async () => {
    const [first, ...others] = nodes
    const signal = AbortSignal.timeout(30_000)
    const at = ({ name, tlsPort }: UpNode) => ({ target: { name, port: tlsPort }, certificatePem, signal })
    const sessions = []
    for (const kind of [...KINDS, ...KINDS]) {
      const made = await visit({ ...at(first!), kind })
      assert.equal(made.reused, false)
      sessions.push({ kind, session: made.session! })
    }
    const opensslSessions = hasOpenssl ? await makeOpensslSessions(first!) : []

    process.kill(first!.pid, 'SIGKILL')
    await until('it is gone', () => !isAlive(first!.pid))
    for (const { kind, session } of sessions) {
      for (const other of others) {
        const seen = await visit({ ...at(other), kind, session })
        assert.equal(seen.reused, true, `${kind} at ${other.name}`)
        assert.equal(seen.headers['x-reprise-resumed'], 'yes')
        assert.equal(seen.node, other.name)
      }
    }
    for (const { options, file } of opensslSessions) {
      for (const other of others) {
        assert.match(
          await openssl(other, [...options, '-sess_in', file]),
          /^Reused, TLSv1/m,
          `${options} at ${other.name}`,
        )
      }
    }
    await until('the death is reported', () => command.stderr.includes('node-1'))
    assert.match(command.stderr, new RegExp(`^node-1 \\(pid ${first!.pid}\\) was killed by SIGKILL$`, 'm'))
  })

  /** As a person would by hand: `openssl s_client -tls1_2 -no_ticket -sess_out FILE`, and the same with TLS 1.3. */
  async function makeOpensslSessions(node: UpNode): Promise<{ options: string[]; file: string }[]> {
    const made = []
    for (const options of [['-tls1_2', '-no_ticket'], ['-tls1_2'], ['-tls1_3']]) {
      const file = join(scratch, `session${options.join('')}.pem`)
      assert.match(await openssl(node, [...options, '-sess_out', file]), /^New, TLSv1/m)
      made.push({ options, file })
    }
    return made
  }

  async function openssl({ tlsPort }: UpNode, options: readonly string[]): Promise<string> {
    // The connection stays until the page was read: TLS 1.3 sends the session after the handshake.
    const asked = run('openssl', ['s_client', '-connect', `127.0.0.1:${tlsPort}`, '-ign_eof', ...options])
    asked.child.stdin!.end('GET / HTTP/1.0\r\n\r\n')
    const { stdout } = await asked
    assert.match(stdout, /^x-reprise-node: node-/m)
    return stdout
  }

  it('ends with everything it started, at SIGINT, with exit code 0', async () => {
    command.child.kill('SIGINT')
    assert.deepEqual(await command.exited, { exitCode: 0, signal: null })
    for (const { pid } of nodes) assert.equal(isAlive(pid), false)
    assert.deepEqual(command.leftovers, [])
    assert.equal(command.stdout.trim().split('\n').length, 1, 'nothing else on stdout')
  })

  it('takes its members with it when it is killed itself', async () => {
    await using victim = new RunningCommand(['up', '-n', '2', '--json'])
    const members: UpNode[] = JSON.parse(await victim.firstLine()).nodes
    victim.child.kill('SIGKILL')
    await victim.exited
    for (const { pid, name } of members) await until(`${name} ended`, () => !isAlive(pid))
    assert.deepEqual(victim.leftovers, [])
  })

  it('starts a node again with --restart, prints a table, and hints that fit 80 columns', async () => {
    await using restarting = new RunningCommand(['up', '-n', '2', '--restart'])
    await until('it is ready', () => restarting.stderr.includes('^C stops all.'), 50_000)
    const [titles, first, second] = restarting.stdout.trim().split('\n')
    assert.match(titles ?? '', /^NAME +PID +PEER +LISTEN +ADMIN +TLS PORT$/)
    assert.match(second ?? '', /^node-2 +\d+ +…\w{8} +127\.0\.0\.1:\d+ +http:\/\/127\.0\.0\.1:\d+ +\d+$/)
    assert.match(restarting.stderr, /^See it in a browser: http:\/\/127\.0\.0\.1:\d+\/$/m)
    for (const line of restarting.stderr.split('\n')) assert.ok(line.length <= 80, line)
    process.kill(Number(first?.split(/ +/)[1]), 'SIGKILL')
    await until('it is back', () => /^node-1 is back as pid \d+$/m.test(restarting.stderr))
  })
})
