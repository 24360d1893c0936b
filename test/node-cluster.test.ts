/** The example `examples/node-cluster`, as its README says: what one worker's handshake made resumes at the others, also after one was killed. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { connect } from 'node:tls'
import { rootDirectory } from '../scripts/workspaces.ts'

const certificates = join(rootDirectory, 'packages/tls/test/certs')

interface Answer {
  readonly pid: number
  readonly resumed: boolean
  /** What the next connection may offer. */
  readonly session: Buffer | undefined
}

/** One request over a connection of its own. */
async function ask(port: number, session?: Buffer): Promise<Answer> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ...(session !== undefined && { session }),
  })
  let offered: Buffer | undefined
  socket.on('session', (made) => {
    offered = made
  })
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  await once(socket, 'close')
  const { pid, resumed } = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))
  return { pid, resumed, session: offered }
}

describe('examples/node-cluster', function () {
  this.timeout(60_000)
  let primary: ChildProcessByStdio<null, Readable, null>
  let port = 0
  let pids: readonly number[] = []

  before(async () => {
    const { NODE_OPTIONS: _, ...env } = process.env
    const files = ['server-ec.key.pem', 'server-ec.cert.pem'].map((name) => join(certificates, name))
    const server = join(rootDirectory, 'examples/node-cluster/server.js')
    primary = spawn(process.execPath, [server, ...files], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface(primary.stdout), 'line')
    const [, found, list = ''] = /:(\d+) is served by (.*)$/.exec(String(line)) ?? []
    port = Number(found)
    pids = list.split(', ').map(Number)
  })

  after(async () => {
    if (primary.exitCode !== null) return
    const gone = once(primary, 'exit')
    primary.kill('SIGTERM')
    await gone
  })

  it('[R3] [R6] resumes at every worker what one made, and at those that are left', async () => {
    assert.equal(new Set(pids).size, 3)
    const first = await ask(port)
    assert.equal(first.resumed, false)
    const resumedAt = new Set<number>()
    for (let tries = 0; tries < 30 && resumedAt.size < 3; tries++) {
      const { pid, resumed } = await ask(port, first.session)
      if (resumed) resumedAt.add(pid)
    }
    assert.deepEqual([...resumedAt].sort(), [...pids].sort())

    process.kill(first.pid, 'SIGKILL')
    let after: Answer | undefined
    for (let tries = 0; tries < 30 && after?.resumed !== true; tries++) {
      after = await ask(port, first.session).catch(() => undefined)
      if (after?.pid === first.pid) after = undefined
    }
    assert.equal(after?.resumed, true)
  })
})
