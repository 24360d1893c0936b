import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '@reprise/core'
import { openDataDir } from '../src/data-dir.ts'

describe('a data directory', () => {
  let parent: string
  let path: string

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'reprise-test-'))
    path = join(parent, 'data')
  })
  afterEach(() => rm(parent, { recursive: true }))

  it('[W2] [pitfall 1] keeps the identity, and raises the incarnation with every life', async () => {
    const first = await openDataDir(path, 1_000)
    assert.equal(first.incarnation, 1_000)
    assert.equal(first.isReturning, false)
    await first.release()
    // The wall clock was set back: the incarnation rises all the same.
    const second = await openDataDir(path, 500)
    assert.equal(second.incarnation, 1_001)
    assert.equal(second.isReturning, true)
    assert.deepEqual([...second.privateKey], [...first.privateKey])
    second.raise(5_000)
    await second.release()
    const third = await openDataDir(path, 500)
    assert.equal(third.incarnation, 5_001)
    await third.release()
  })

  it('remembers who was there, and takes a list that is broken for none', async () => {
    const first = await openDataDir(path, 1)
    assert.deepEqual(first.earlierMembers, [])
    for (let n = 0; n < 5; n++) first.remember(new Map([[`left-${n}`, []]]))
    first.remember(
      new Map([
        ['a', ['/ip4/10.0.0.1/tcp/4747']],
        ['b', []],
      ]),
    )
    await first.release()
    const second = await openDataDir(path, 1)
    const members = [
      { node: 'a', addresses: ['/ip4/10.0.0.1/tcp/4747'] },
      { node: 'b', addresses: [] },
    ]
    assert.deepEqual(second.earlierMembers, members)
    await second.release()
    for (const broken of ['', '{', '{"node":"a"}', '[{"node":1,"addresses":[]},{"node":"a","addresses":[2]},null]']) {
      await writeFile(join(path, 'members'), broken)
      const next = await openDataDir(path, 1)
      assert.deepEqual(next.earlierMembers, [], broken)
      await next.release()
    }
  })

  it('is readable by its owner only', async () => {
    const dir = await openDataDir(path, 1)
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    dir.remember(new Map())
    for (const file of ['identity', 'incarnation', 'lock']) {
      assert.equal((await stat(join(path, file))).mode & 0o777, 0o600, file)
    }
    await dir.release()
    assert.equal((await stat(join(path, 'members'))).mode & 0o777, 0o600)
  })

  it('belongs to one node at a time', async () => {
    const dir = await openDataDir(path, 1)
    await assert.rejects(openDataDir(path, 1), /used by another node of this process/)
    await dir.release()
    await writeFile(join(path, 'lock'), `${process.ppid}\n`)
    await assert.rejects(openDataDir(path, 1), new RegExp(`used by process ${process.ppid}`))
  })

  it('is taken over from a process that was killed', async () => {
    await (await openDataDir(path, 1)).release()
    await writeFile(join(path, 'lock'), '4194304999\n')
    await (await openDataDir(path, 1)).release()
  })

  it('says what is wrong with an incarnation that is no number, and leaves it alone', async () => {
    await (await openDataDir(path, 1)).release()
    // The last one: nothing that is written in the life after it could be read by others.
    for (const wrong of ['gibberish', '', ' ', '-1', '1.5', '0x10', '1e3', '9'.repeat(400), String(2 ** 48 - 2)]) {
      await writeFile(join(path, 'incarnation'), wrong)
      await assert.rejects(openDataDir(path, 1), UsageError)
      assert.equal(await readFile(join(path, 'incarnation'), 'utf8'), wrong)
    }
    await assert.rejects(stat(join(path, 'lock')), /ENOENT/)
  })
})
