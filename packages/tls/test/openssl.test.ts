/** The same with a client that is not Node: the `openssl` command (or what `OPENSSL` names), where there is one. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryCluster } from './support/memory-cluster.ts'
import { serve, until } from './support/servers.ts'

const OPENSSL = process.env['OPENSSL'] ?? 'openssl'
const VERSION = spawnSync(OPENSSL, ['version'], { encoding: 'utf8' }).stdout ?? ''

describe(`openssl s_client (${VERSION.trim() || 'not found'})`, () => {
  before(function () {
    if (!/^OpenSSL [3-9]/.test(VERSION)) this.skip()
  })

  const directory = mkdtempSync(join(tmpdir(), 'reprise-tls-'))
  after(() => rmSync(directory, { recursive: true }))

  /** Connect, wait for the server's word (and with it the sessions), and tell whether it was resumed. */
  async function connect(port: number, ...options: string[]): Promise<boolean> {
    const common = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'service.test', '-ign_eof']
    const client = spawn(OPENSSL, [...common, ...options], { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    client.stdout.on('data', (chunk) => {
      output += chunk
    })
    await until(() => client.exitCode !== null)
    await until(() => client.stdout.readableEnded)
    assert.match(output, /hello/)
    return /^Reused, /m.test(output)
  }

  for (const [client, options] of [
    ['TLS 1.2', ['-tls1_2']],
    ['TLS 1.2 without tickets', ['-tls1_2', '-no_ticket']],
    ['TLS 1.3', ['-tls1_3']],
    ['TLS 1.3 without legacy session id', ['-tls1_3', '-no_middlebox']],
    ['TLS 1.3, retried for its group', ['-tls1_3', '-groups', 'X25519:P-521']],
    ['TLS 1.3, retried, without legacy session id', ['-tls1_3', '-groups', 'X25519:P-521', '-no_middlebox']],
    ['both versions', []],
  ] as const) {
    it(`[R6] ${client}: a session made at A resumes at B and back at A`, async () => {
      const cluster = new MemoryCluster()
      const tls = { ecdhCurve: client.includes('retried') ? 'P-521' : 'auto' }
      await using a = await serve(cluster.node('a'), { tls })
      await using b = await serve(cluster.node('b'), { tls })
      const file = join(directory, `${client.replaceAll(/\W/g, '-')}.pem`)
      assert.equal(await connect(a.port, ...options, '-sess_out', file), false)
      assert.equal(await connect(b.port, ...options, '-sess_in', file, '-sess_out', file), true)
      assert.equal(await connect(a.port, ...options, '-sess_in', file), true)
      assert.deepEqual([...a.errors, ...b.errors], [])
    })
  }
})
