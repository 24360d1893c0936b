import assert from 'node:assert/strict'
import { LinkFaults } from '../../src/backends/link-faults.ts'
import type { Link, LinkConditions, Links } from '../../src/index.ts'

/** Links that remember how they are. */
class Remembered implements Links {
  readonly can: ReadonlySet<keyof LinkConditions> = new Set()
  readonly state = new Map<string, string>()

  async cut(links: readonly Link[]): Promise<void> {
    for (const { from, to } of links) this.state.set(`${from}>${to}`, 'cut')
  }

  async impair(links: readonly Link[], conditions: LinkConditions): Promise<void> {
    for (const { from, to } of links) this.state.set(`${from}>${to}`, JSON.stringify(conditions))
  }

  async heal(links: readonly Link[] = []): Promise<void> {
    for (const { from, to } of links) this.state.delete(`${from}>${to}`)
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  get broken(): string[] {
    return [...this.state.keys()].sort()
  }
}

describe('faults of links', () => {
  it('lie on both directions between the sides of a partition', async () => {
    const links = new Remembered()
    const end = await new LinkFaults(links, 3).begin({ kind: 'partition', side: [1] })
    assert.deepEqual(links.broken, ['0>1', '1>0', '1>2', '2>1'])
    await end()
    assert.deepEqual(links.broken, [])
  })

  it('lie on one direction, or on all of them, and on no link of a member to itself', async () => {
    const links = new Remembered()
    const faults = new LinkFaults(links, 3)
    await faults.begin({ kind: 'cut', from: [0] })
    assert.deepEqual(links.broken, ['0>1', '0>2'])
    await faults.begin({ kind: 'impair', conditions: { delayMs: 5 } })
    assert.equal(links.broken.length, 6)
  })

  it('leave each other as they are when one of them ends', async () => {
    const links = new Remembered()
    const faults = new LinkFaults(links, 3)
    const endCut = await faults.begin({ kind: 'cut', from: [0], to: [1] })
    const endSlow = await faults.begin({ kind: 'impair', from: [2], conditions: { delayMs: 5 } })
    await faults.begin({ kind: 'cut', from: [2], to: [1] })
    await endSlow()
    assert.deepEqual(links.broken, ['0>1', '2>1'])
    await endCut()
    assert.deepEqual(links.broken, ['2>1'])
  })
})
