import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect, type NetConnectOpts } from 'node:net'
import { Home, RunningCommand, runCommand } from '../support/command.ts'
import { until } from '../support/until.ts'

/** Send text and read until the answer ends with a line. */
async function ask(where: NetConnectOpts, text: string, end: string): Promise<string> {
  const socket = connect(where)
  let answer = ''
  socket.setEncoding('latin1')
  socket.write(text)
  try {
    for await (const chunk of socket) {
      answer += chunk
      if (answer.endsWith(`${end}\r\n`)) break
    }
    return answer
  } finally {
    socket.destroy()
  }
}

describe('gateways of nodes', function () {
  this.timeout(60_000)

  it('of `up` have ports of their own, and what is stored through one is found through all', async () => {
    await using command = new RunningCommand(['up', '-n', '2', '--json', '--memcached', '--resp', '--sessiond'])
    const { nodes } = JSON.parse(await command.firstLine())
    const ports: number[] = nodes.map(({ memcachedPort }: { memcachedPort: number }) => memcachedPort)
    const all = nodes.flatMap((node: Record<string, number>) =>
      ['memcachedPort', 'respPort', 'sessiondPort'].map((name) => node[name]),
    )
    assert.equal(new Set(all.filter(Number.isInteger)).size, 6)
    const [first = 0, second = 0] = ports
    const stored = await ask({ port: first, host: '127.0.0.1' }, 'set a 7 60 5\r\nhello\r\n', 'STORED')
    assert.equal(stored, 'STORED\r\n')
    await until('the other node has it', async () => {
      const found = await ask({ port: second, host: '127.0.0.1' }, 'get a\r\n', 'END')
      return found === 'VALUE a 7 5\r\nhello\r\nEND\r\n'
    })
    assert.equal(await ask({ port: nodes[1].respPort, host: '127.0.0.1' }, 'GET a\r\n', 'hello'), '$5\r\nhello\r\n')
    const metrics = await (await fetch(`${nodes[1].admin}/metrics`)).text()
    assert.match(metrics, /^reprise_gateway_lookups_total\{gateway="resp",result="hit"\} 1$/m)
    assert.match(metrics, /^reprise_gateway_commands_total\{gateway="sessiond"\} 0$/m)
  })

  it('of `node` listen where they are told to, with what they are told, and end with it', async () => {
    using home = new Home()
    writeFileSync(home.path('password'), 'a-password-of-some-length\n', { mode: 0o600 })
    const path = home.path('m.sock')
    const options = [
      '--admin',
      '127.0.0.1:0',
      '--memcached',
      `unix:${path}`,
      '--gateways-password-file',
      'password',
      '--gateways-serve',
      'a',
    ]
    await using node = new RunningCommand(['node', ...options], { home })
    await until('it listens', () => node.stdout.includes('memcached listens'), 40_000)
    const login = 'set x 0 0 33\r\nreprise a-password-of-some-length\r\n'
    assert.equal(await ask({ path }, 'get a\r\n', 'unauthenticated'), 'CLIENT_ERROR unauthenticated\r\n')
    const set = 'set a 0 0 1\r\nx\r\nset b 0 0 1\r\nx\r\nget a b\r\n'
    const answer = await ask({ path }, login + set, 'END')
    assert.equal(
      answer,
      'STORED\r\nSTORED\r\nSERVER_ERROR keys with this prefix are not served\r\nVALUE a 0 1\r\nx\r\nEND\r\n',
    )
    const [, admin] = /"url":"([^"]+)"/.exec(node.stdout) ?? []
    const { gateways } = (await (await fetch(`${admin}/status`)).json()) as {
      gateways: { memcached: { commands: number; errors: number; hits: number } }
    }
    const { commands, errors, hits } = gateways.memcached
    assert.deepEqual([Object.keys(gateways), commands, errors, hits], [['memcached'], 5, 2, 1])
    node.child.kill('SIGTERM')
    assert.deepEqual(await node.exited, { exitCode: 0, signal: null })
    await assert.rejects(ask({ path }, 'version\r\n', 'VERSION'))
    assert.doesNotMatch(node.stdout, /a-password/)
  })

  it('say why they do not listen', async () => {
    using home = new Home()
    const open = await runCommand(['node', '--memcached', '0.0.0.0:0'], { home })
    assert.equal(open.exitCode, 2)
    assert.match(open.stderr, /can be reached from elsewhere.*\n.*--gateways-password-file and --gateways-exposed/)
    const wrong = await runCommand(['node', '--sessiond', 'example.org:1'], { home })
    assert.equal(wrong.exitCode, 2)
    assert.match(wrong.stderr, /--sessiond: sessiond must be HOST:PORT/)
    const first = new RunningCommand(['node', '--memcached', `unix:${home.path('m.sock')}`], { home })
    await using _ = first
    await until('it listens', () => first.stdout.includes('memcached listens'), 40_000)
    const taken = await runCommand(['node', '--memcached', `unix:${home.path('m.sock')}`], { home })
    assert.equal(taken.exitCode, 1)
    assert.match(taken.stderr, /a gateway cannot listen/)
  })
})
