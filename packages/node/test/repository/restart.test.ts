/** Real nodes and a real database: what a repository keeps through the end of everybody. */
import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Node, NodeOptions, PortionValue } from '@reprise/node'
import { createNode, RepositoryError } from '@reprise/node'
import { startNode, stopAll, until as untilFor } from '../support/cluster.ts'

/** Not longer than a test may take: what waits for ever would keep the process alive. */
function until(holds: () => boolean): Promise<void> {
  const endsAt = Date.now() + 20_000
  return untilFor(() => {
    assert.ok(Date.now() < endsAt, 'it did not happen in time')
    return holds()
  })
}

const LONG = { idleMs: 3_600_000, absoluteMs: 7_200_000 }

describe('[R14] a repository with a directory', function () {
  this.timeout(60_000)
  let dir: string

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'reprise-repository-'))
  })
  afterEach(async () => {
    await stopAll()
    await rm(dir, { recursive: true, force: true })
  })

  const repository = (options: NodeOptions = {}): NodeOptions => ({
    name: 'repository',
    role: 'repository',
    dataDir: join(dir, 'data'),
    repository: { directory: join(dir, 'kept') },
    ...options,
  })

  /** The repository and two holders. All are started at the same moment when the repository's address is known. */
  async function start(listen?: readonly string[]): Promise<[repository: Node, a: Node, b: Node]> {
    const address = listen?.map((full) => full.replace(/\/p2p\/.*/, ''))
    const first = startNode(repository(address === undefined ? {} : { listen: address }))
    const places = listen ?? (await first).addresses
    const others = ['a', 'b'].map((name) => startNode({ name, join: places }))
    const nodes = (await Promise.all([first, ...others])) as [Node, Node, Node]
    await Promise.all(nodes.map((node) => node.whenReady({ members: 3, signal: AbortSignal.timeout(20_000) })))
    return nodes
  }

  async function write(node: Node, id: string, value: PortionValue, copies = 0): Promise<void> {
    const session = await node.create(id, { assumeNew: true, ...LONG })
    session.set('cart', value)
    await session.commit({ copies })
  }

  async function kept(node: Node): Promise<NonNullable<ReturnType<Node['status']>['repository']>> {
    await until(() => node.status().repository?.queued === 0)
    const status = node.status().repository
    assert(status !== undefined)
    return status
  }

  const stopTogether = (nodes: readonly Node[]): Promise<unknown> => Promise.all(nodes.map((node) => node.stop()))

  it('fills a cluster that starts from nothing: every session is back, what was dropped is not', async () => {
    const nodes = await start()
    const [keeper, a, b] = nodes
    for (let n = 0; n < 40; n++) await write(n % 2 === 0 ? a : b, `cart-${n}`, { items: n }, 1)
    const large = await a.create('large', LONG)
    large.set('upload', new Uint8Array(100_000).fill(7))
    await large.commit({ copies: 1 })
    const gone = await b.resume('cart-7')
    assert.equal(gone.outcome, 'complete')
    await gone.drop({ copies: 1 })
    await until(() => keeper.status().table.records >= 40)
    const status = await kept(keeper)
    assert.deepEqual([status.persistent, status.degraded, status.shards], [true, false, 64])
    assert.ok(status.records >= 40 && status.bytes > 100_000 && status.lastWriteAgoMs !== undefined)
    const { addresses } = keeper
    await stopTogether(nodes)

    const [again, c, d] = await start(addresses)
    assert.equal(again.nodeId, keeper.nodeId)
    assert.notEqual(c.nodeId, a.nodeId)
    for (const node of [c, d]) {
      for (let n = 0; n < 40; n++) {
        const resumed = await node.resume(`cart-${n}`, { consistency: 'any' })
        assert.equal(resumed.outcome, n === 7 ? 'absent' : 'complete', `cart-${n} at ${node.nodeId}`)
        if (resumed.outcome === 'complete') assert.deepEqual(resumed.get('cart'), { items: n })
      }
    }
    const found = await d.resume('large')
    assert.ok(found.outcome === 'complete')
    assert.deepEqual(Uint8Array.from(found.get('upload') as Uint8Array), new Uint8Array(100_000).fill(7))
    // Nobody counts on it.
    assert.ok(c.status().shards.every(({ readyHolders }) => !readyHolders.includes(again.nodeId)))
    assert.equal((await c.check()).shards[0]?.readyHolders.length, 2)
  })

  it('[E3] forgets what ended while it was down', async () => {
    const keeper = await startNode(repository())
    const brief = await keeper.create('brief', { idleMs: 300, absoluteMs: 300 })
    brief.set('x', 1)
    await brief.commit()
    await write(keeper, 'long', 1)
    assert.equal((await kept(keeper)).records, 2)
    await keeper.stop()
    await new Promise((resolve) => setTimeout(resolve, 320))
    const again = await startNode(repository())
    assert.equal((await again.resume('brief')).outcome, 'absent')
    assert.equal((await again.resume('long')).outcome, 'complete')
    assert.equal((await kept(again)).records, 1)
  })

  it('is refused when its file was cut short, changed, or is something else', async () => {
    const keeper = await startNode(repository())
    for (let n = 0; n < 200; n++) await write(keeper, `cart-${n}`, { text: `the ${n}th value that is looked for` })
    await kept(keeper)
    await keeper.stop()
    const file = join(dir, 'kept', 'records.mdb')
    const whole = await readFile(file)
    const refused = async (code: string): Promise<void> => {
      await assert.rejects(createNode({ secret: 'the secret of a cluster in a test', ...repository() }), (error) => {
        assert.ok(error instanceof RepositoryError, String(error))
        assert.equal(error.code, code)
        return true
      })
    }
    // Behind what was written are zeros, which nobody misses.
    const writtenBytes = whole.findLastIndex((byte) => byte !== 0)
    await truncate(file, Math.floor(writtenBytes / 2))
    await refused('REPOSITORY_TORN')
    await truncate(file, 100)
    await refused('REPOSITORY_FOREIGN')
    await writeFile(file, 'not a database at all')
    await refused('REPOSITORY_FOREIGN')
    await writeFile(file, whole)
    const at = whole.indexOf('the 117th value')
    assert.ok(at > 0)
    const handle = await open(file, 'r+')
    await handle.write('The', at)
    await handle.close()
    await refused('REPOSITORY_TORN')
    // What was refused is as it was, and its lock is free.
    assert.equal((await stat(file)).size, whole.length)
    await writeFile(file, whole)
    const again = await startNode(repository())
    assert.equal((await again.resume('cart-117')).outcome, 'complete')
  })

  it('is refused when its file is that of another node or cluster', async () => {
    const keeper = await startNode(repository())
    await write(keeper, 'cart', 1)
    await keeper.stop()
    const foreign = { code: 'REPOSITORY_FOREIGN' }
    await assert.rejects(startNode(repository({ dataDir: join(dir, 'other') })), foreign)
    await assert.rejects(startNode(repository({ cluster: 'other' })), foreign)
    assert.equal((await (await startNode(repository())).resume('cart')).outcome, 'complete')
  })

  it('goes on in memory when there is no more room, and says so', async () => {
    const limited = repository({ repository: { directory: join(dir, 'kept'), bytesMax: 1024 * 1024 } })
    const keeper = await startNode(limited)
    const told: string[] = []
    keeper.on('repository:degraded', ({ code }) => told.push(code))
    keeper.on('repository:recovered', () => told.push('recovered'))
    for (let n = 0; n < 40; n++) await write(keeper, `cart-${n}`, 'x'.repeat(40_000))
    await until(() => told.length > 0)
    assert.equal((await keeper.resume('cart-39')).outcome, 'complete')
    const { degraded, queued, failedWrites } = keeper.status().repository ?? {}
    assert.ok(degraded === true && Number(queued) > 0 && Number(failedWrites) > 0)
    for (let n = 0; n < 30; n++) {
      const session = await keeper.resume(`cart-${n}`)
      assert.ok(session.outcome === 'complete')
      await session.drop()
    }
    await until(() => told.includes('recovered'))
    await kept(keeper)
    assert.deepEqual(told.slice(0, 2), ['REPOSITORY_FULL', 'recovered'])
    await keeper.stop()
    const again = await startNode(limited)
    assert.equal((await again.resume('cart-39')).outcome, 'complete')
    assert.equal((await again.resume('cart-3')).outcome, 'absent')
  })

  it('needs a node that comes back, and the role', async () => {
    await assert.rejects(createNode({ role: 'repository', repository: { directory: dir } }), { code: 'USAGE' })
    await assert.rejects(createNode({ repository: { shards: 'all' } }), { code: 'USAGE' })
    await assert.rejects(createNode({ role: 'repository', weight: 1 }), { code: 'USAGE' })
    await assert.rejects(createNode({ role: 'repository', repository: { shards: [64] } }), { code: 'USAGE' })
    await assert.rejects(createNode({ role: 'repository', repository: { shards: [] } }), { code: 'USAGE' })
  })
})

describe('[R14] a repository in memory', function () {
  this.timeout(30_000)
  afterEach(stopAll)

  it('keeps the shards it was given, and says that they end with it', async () => {
    const a = await startNode({ name: 'a' })
    const keeper = await startNode({
      name: 'half',
      join: a.addresses,
      role: 'repository',
      repository: { shards: [0, 1, 2, 3] },
    })
    await Promise.all([a, keeper].map((node) => node.whenReady({ members: 2, signal: AbortSignal.timeout(15_000) })))
    assert.deepEqual(
      keeper
        .status()
        .shards.filter(({ state }) => state === 'ready')
        .map(({ shard }) => shard),
      [0, 1, 2, 3],
    )
    const { shards, persistent } = keeper.status().repository ?? {}
    assert.deepEqual([shards, persistent], [4, false])
    assert.equal(a.status().repository, undefined)
  })
})
