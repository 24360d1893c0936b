import assert from 'node:assert/strict'
import { JOURNAL_CHARACTERS_MAX, JOURNAL_MS, JOURNAL_WRITES_MAX } from '../src/constants.ts'
import { Journal } from '../src/journal.ts'
import type { Write } from '../src/layout.ts'

const write = (number: number, mine = 'x'): Write => ({
  writer: 'w',
  number,
  changes: new Map([['.a', { base: undefined, mine }]]),
})
const always = (): boolean => true
const FIELDS = new Map()

describe('Journal', () => {
  it('has the writes of a document, in their order, and of no other life of its id', () => {
    const journal = new Journal(() => 1)
    const [first, second] = [write(1), write(3)]
    journal.add('a', first, always)
    journal.add('b', write(2), always)
    journal.add('a', second, always)
    journal.add('a', write(4), () => false)
    assert.deepEqual(journal.writesOf('a', FIELDS), [first, second])
    assert.equal(journal.has('c'), false)
  })

  it('has a write once, however often it is tried, and not when it was not made', () => {
    const journal = new Journal(() => 1)
    journal.add('a', write(1), always)
    journal.add('a', write(1), always)
    assert.equal(journal.writesOf('a', FIELDS).length, 1)
    journal.forget(write(1))
    assert.equal(journal.has('a'), false)
  })

  it('forgets by time, by number and by size, the oldest first', () => {
    let nowMs = 1
    const journal = new Journal(() => nowMs)
    journal.add('a', write(1), always)
    nowMs += JOURNAL_MS
    journal.add('a', write(2), always)
    assert.equal(journal.writesOf('a', FIELDS).length, 2)
    nowMs++
    assert.deepEqual(
      journal.writesOf('a', FIELDS).map(({ number }) => number),
      [2],
    )
    for (let number = 3; number < 3 + JOURNAL_WRITES_MAX; number++) journal.add('a', write(number), always)
    assert.equal(journal.writesOf('a', FIELDS).length, JOURNAL_WRITES_MAX)
    assert.equal(journal.writesOf('a', FIELDS)[0]?.number, 3)
    journal.add('a', write(5_000, 'x'.repeat(JOURNAL_CHARACTERS_MAX / 2)), always)
    journal.add('a', write(5_001, 'x'.repeat(JOURNAL_CHARACTERS_MAX / 2)), always)
    assert.deepEqual(
      journal.writesOf('a', FIELDS).map(({ number }) => number),
      [5_001],
    )
  })
})
