import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { download } from '../../src/clients/download.ts'
import { type Target, visit } from '../../src/clients/tls-client.ts'
import type { Progress, TransferOptions } from '../../src/clients/transfer.ts'
import { upload } from '../../src/clients/upload.ts'
import { LocalCluster, type MemberEnd } from '../../src/cluster/local-cluster.ts'
import { isAlive, until } from '../support/until.ts'

describe('local cluster', function () {
  this.timeout(60_000)
  let cluster: LocalCluster
  const ends: MemberEnd[] = []
  const pids = new Set<number>()
  const { TMPDIR } = process.env
  let scratch: string

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'reprise-test-'))
    process.env['TMPDIR'] = scratch
    cluster = new LocalCluster({ nodes: 3 })
    cluster.on('ended', (end) => ends.push(end))
    cluster.on('changed', ({ pid }) => pid !== undefined && pids.add(pid))
    await cluster.start()
  })

  after(async () => {
    // It is stopped by a test, unless one before that failed.
    await cluster.stop()
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
    rmSync(scratch, { recursive: true })
  })

  function target(name: string): Target {
    return { name, port: cluster.member(name).info!.ports.tls }
  }

  /** What a member knows of another one. */
  async function seenFrom(
    name: string,
    other: string,
  ): Promise<{ readonly state: string; readonly connected: boolean }> {
    const response = await fetch(`http://127.0.0.1:${cluster.member(name).info!.ports.admin}/status`)
    const { node } = (await response.json()) as {
      node: { members: { name: string; state: string; connected: boolean }[] }
    }
    return node.members.find((member) => member.name === other)!
  }

  it('starts members that serve and know each other', async () => {
    assert.deepEqual(
      cluster.members.map(({ name, state, starts }) => [name, state, starts]),
      [
        ['node-1', 'up', 1],
        ['node-2', 'up', 1],
        ['node-3', 'up', 1],
      ],
    )
    for (const { info } of cluster.members) {
      const response = await fetch(`http://127.0.0.1:${info!.ports.admin}/status`)
      const { node } = (await response.json()) as { node: { members: { state: string }[] } }
      assert.deepEqual(
        node.members.map(({ state }) => state),
        ['alive', 'alive'],
        'the others',
      )
    }
  })

  it('counts what its members do', async () => {
    const { certificatePem } = cluster
    const signal = AbortSignal.timeout(20_000)
    const { session } = await visit({ target: target('node-2'), kind: 'TLS 1.2', certificatePem, signal })
    await visit({ target: target('node-2'), kind: 'TLS 1.2', certificatePem, session, signal })
    await until('the counters came', () => cluster.member('node-2').counters.handshakes.local === 1)
    assert.equal(cluster.member('node-2').counters.handshakes.full, 1)
  })

  it('[R7] a download and an upload that lost their server continue at another from the exact byte', async () => {
    const targets = [target('node-1'), target('node-2')]
    const { certificatePem } = cluster
    const signal = AbortSignal.timeout(40_000)
    const shares = { download: 0, upload: 0 }
    const options = (name: keyof typeof shares): TransferOptions => ({
      targets,
      certificatePem,
      signal,
      kind: 'TLS 1.3',
      onProgress: ({ bytes, size }: Progress) => {
        shares[name] = bytes / size
      },
    })
    const both = Promise.all([download(options('download')), upload(options('upload'))])
    await until('both are in the middle', () => Math.min(shares.download, shares.upload) > 0.1)
    const { signal: how } = await cluster.kill('node-1')
    assert.equal(how, 'SIGKILL')
    const [downloaded, uploaded] = await both

    assert.equal(downloaded.sha256, downloaded.announcedSha256)
    assert.equal(uploaded.digest, uploaded.expectedDigest)
    for (const { parts, size } of [downloaded, uploaded]) {
      assert.deepEqual(
        parts.map(({ node }) => node),
        ['node-1', 'node-2'],
      )
      const [first, second] = parts
      assert.equal(first?.start, 0)
      assert.ok(second!.start > 0)
      assert.equal(second?.start, first?.end)
      assert.equal(second?.end, size)
      assert.ok(second?.reused, 'its TLS session went with it')
      assert.match(second!.known, /^node-1/, 'the second server knew of the first')
    }
  })

  it('restarts a member as the same one in a new life, at the same ports', async () => {
    const before = cluster.member('node-1').info!
    assert.equal(cluster.member('node-1').state, 'down')
    assert.deepEqual(ends.at(-1)?.expected, true)
    const after = await cluster.restart('node-1')
    assert.equal(after.peerId, before.peerId)
    assert.ok(after.incarnation > before.incarnation)
    assert.deepEqual(after.ports, before.ports)
    assert.equal(cluster.member('node-1').starts, 2)
  })

  it('freezes a member, which keeps its connections and answers nobody, and lets it go on', async () => {
    cluster.freeze('node-2')
    assert.equal(cluster.member('node-2').state, 'stopped')
    const silent = fetch(`http://127.0.0.1:${cluster.member('node-2').info!.ports.admin}/livez`)
    await until('the others miss it', async () => (await seenFrom('node-3', 'node-2')).state !== 'alive')
    assert.throws(() => cluster.freeze('node-2'), /node-2 is stopped/)
    cluster.thaw('node-2')
    assert.equal(cluster.member('node-2').state, 'rejoining')
    await until('it is one of them again', () => cluster.member('node-2').state === 'up')
    assert.equal((await silent).status, 200, 'who waited is answered')
    assert.equal((await seenFrom('node-3', 'node-2')).state, 'alive')
  })

  it('cuts a member off from the others, not from its clients, and heals it', async () => {
    cluster.cut('node-2')
    assert.equal(cluster.member('node-2').state, 'cut')
    await until('nobody is connected', async () => {
      const views = [seenFrom('node-2', 'node-1'), seenFrom('node-2', 'node-3'), seenFrom('node-3', 'node-2')]
      return (await Promise.all(views)).every(({ connected }) => !connected)
    })
    cluster.heal('node-2')
    assert.throws(() => cluster.heal('node-2'), /node-2 is rejoining/)
    await until('it is one of them again', () => cluster.member('node-2').state === 'up')
    for (const other of ['node-1', 'node-3']) assert.equal((await seenFrom('node-2', other)).state, 'alive')
  })

  it('a member that is broken when it is killed is down, and comes back whole', async () => {
    cluster.freeze('node-2')
    await cluster.kill('node-2')
    await until('it is down', () => cluster.member('node-2').state === 'down')
    await cluster.restart('node-2')
    assert.equal(cluster.member('node-2').state, 'up')
  })

  it('finds other ports when somebody took a dead member’s', async () => {
    const { ports } = cluster.member('node-3').info!
    await cluster.kill('node-3')
    const thief = createServer()
    await new Promise<void>((resolve) => thief.listen(ports.tls, '127.0.0.1', resolve))
    try {
      const after = await cluster.restart('node-3')
      assert.notEqual(after.ports.tls, ports.tls)
      assert.equal(after.ports.peer, ports.peer)
    } finally {
      await new Promise((resolve) => thief.close(resolve))
    }
  })

  it('reports a member that ended by itself, with the reason', async () => {
    const { pid } = cluster.member('node-2')
    process.kill(pid!, 'SIGTERM')
    await until('it is down', () => cluster.member('node-2').state === 'down')
    const { name, expected, exitCode } = ends.at(-1)!
    assert.deepEqual([name, expected, exitCode], ['node-2', false, 0], 'told to stop, it stops in order')
  })

  it('stops without leaving a process or a file, a frozen one included', async () => {
    assert.equal(readdirSync(scratch).length, 1)
    cluster.freeze('node-1')
    await cluster.stop()
    await cluster.stop()
    assert.ok(pids.size >= 5)
    for (const pid of pids) assert.equal(isAlive(pid), false, `process ${pid}`)
    assert.deepEqual(readdirSync(scratch), [])
  })

  it('stops while it starts', async () => {
    await using young = new LocalCluster({ nodes: 2 })
    const started = new Set<number>()
    young.on('changed', ({ pid }) => pid !== undefined && started.add(pid))
    const starting = young.start()
    const rejected = assert.rejects(starting, /stopped|before it was ready/)
    await until('the processes are there', () => started.size === 2)
    await young.stop()
    await rejected
    for (const pid of started) assert.equal(isAlive(pid), false)
  })
})
