import assert from 'node:assert/strict'
import { Turns } from '../../src/backends/turns.ts'

describe('turns', () => {
  it('come one after the other for a member, and do not wait for others', async () => {
    const turns = new Turns()
    const log: string[] = []
    const held = turns.hold(
      0,
      async () => void log.push('0 goes'),
      async () => void log.push('0 comes'),
    )
    const second = turns.take(0, async () => void log.push('0 goes again'))
    await turns.take(1, async () => void log.push('1 goes'))
    assert.deepEqual(log.toSorted(), ['0 goes', '1 goes'])
    await held.begun
    await held.end()
    await second
    assert.deepEqual(log.slice(2), ['0 comes', '0 goes again'])
  })

  it('go on after one that failed, of which whoever asked hears', async () => {
    const turns = new Turns()
    await assert.rejects(
      turns.take(0, async () => {
        throw new Error('no')
      }),
      /no/,
    )
    assert.equal(await turns.take(0, async () => 7), 7)
    const held = turns.hold(
      0,
      async () => {
        throw new Error('never')
      },
      async () => {},
    )
    await assert.rejects(held.begun, /never/)
    await assert.rejects(held.end(), /never/)
  })
})
