/** A repository on a disk that is full again and again. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode, type Node } from '@reprise/node'
import { SmallDisk } from '../../packages/chaos/src/backends/processes/small-disk.ts'
import { until } from '../../packages/chaos/test/support/until.ts'
import { needsRoot } from '../support/system.ts'

const ROUNDS = 15
const SESSIONS_PER_ROUND = 300

describe('a small disk', function () {
  this.timeout(120_000)

  let directory: string
  let disk: SmallDisk
  let node: Node | undefined

  before(async function () {
    needsRoot(this)
    directory = await mkdtemp(join(tmpdir(), 'reprise-disk-'))
    disk = await SmallDisk.mount(join(directory, 'disk'))
  })

  after(async () => {
    await node?.stop()
    await disk?.unmount()
    if (directory !== undefined) await rm(directory, { recursive: true, force: true })
  })

  const start = (): Promise<Node> =>
    createNode({
      name: 'repository',
      role: 'repository',
      dataDir: join(directory, 'data'),
      repository: { directory: join(directory, 'disk', 'kept') },
    })

  const statusOf = (of: Node): NonNullable<ReturnType<Node['status']>['repository']> => {
    const { repository } = of.status()
    return repository ?? assert.fail('it is a repository')
  }

  it('[R14] fills up while a repository writes, again and again: it goes on, and everything is in the file in the end', async () => {
    const writer = await start()
    node = writer
    const reasons: string[] = []
    writer.on('repository:degraded', ({ reason }) => void reasons.push(reason))
    const ids: string[] = []
    const write = async (): Promise<void> => {
      const id = `session-${ids.length}`
      const session = await writer.create(id, { assumeNew: true })
      session.set('cart', { text: 'x'.repeat(1 + ((ids.length * 37) % 900)) })
      await session.commit()
      ids.push(id)
    }
    for (let round = 0; round < ROUNDS; round++) {
      const filling = disk.fill()
      for (let count = 0; count < SESSIONS_PER_ROUND; count++) await write()
      await filling
      if (round === ROUNDS - 1) await until(() => write().then(() => statusOf(writer).degraded), 'the disk to refuse')
      await disk.free()
      await until(() => statusOf(writer).queued === 0 && !statusOf(writer).degraded, 'everything to be written')
    }
    assert.ok(reasons.length > 0)
    // Refused before LMDB began: it would say so in words of its own, and not always live on.
    for (const reason of reasons) assert.match(reason, /ENOSPC/)
    await writer.stop()

    const again = await start()
    node = again
    for (const id of ids) assert.equal((await again.resume(id)).outcome, 'complete', id)
  })
})
