import assert from 'node:assert/strict'
import { OPENED_BYTES_MAX, OPENED_ENTRY_BYTES } from '../../src/constants.ts'
import { OpenedValues } from '../../src/store/opened-values.ts'
import type { StoredValue } from '../../src/store/stored-value.ts'

const valueWith = (bytes: number): StoredValue => ({ value: new Uint8Array(bytes), flags: 0, unique: 1n, mark: 'none' })

describe('opened values', () => {
  it('are there for the mark they were kept for', () => {
    const opened = new OpenedValues()
    const value = valueWith(10)
    opened.keep(7, value)
    assert.equal(opened.get(7), value)
    assert.equal(opened.get(8), undefined)
  })

  it('go when there is no more room, the oldest first, unless they are asked for', () => {
    const opened = new OpenedValues()
    const bytes = 10_000
    const room = Math.floor(OPENED_BYTES_MAX / (bytes + OPENED_ENTRY_BYTES))
    opened.keep(1, valueWith(bytes))
    opened.keep(2, valueWith(bytes))
    for (let mark = 100; mark < 100 + 3 * room; mark++) {
      opened.keep(mark, valueWith(bytes))
      assert.ok(opened.get(1) !== undefined)
    }
    assert.equal(opened.get(2), undefined)
  })

  it('take no more than their room, and leave most of it when they go', () => {
    const opened = new OpenedValues()
    const bytes = 10_000
    const room = Math.floor(OPENED_BYTES_MAX / (bytes + OPENED_ENTRY_BYTES))
    let [least, most] = [room, 0]
    for (let last = 1; last <= 3 * room; last++) {
      opened.keep(last, valueWith(bytes))
      if (last < room) continue
      let there = 0
      // Each is asked for, so that each has its second chance: they go all the same.
      for (let mark = 1; mark <= last; mark++) if (opened.get(mark) !== undefined) there++
      ;[least, most] = [Math.min(least, there), Math.max(most, there)]
    }
    assert.ok(most <= room && least >= 0.9 * room, `${least} to ${most} of ${room}`)
  })

  it('are not those that would drive out all others', () => {
    const opened = new OpenedValues()
    opened.keep(1, valueWith(OPENED_BYTES_MAX / 4))
    assert.equal(opened.get(1), undefined)
  })
})
