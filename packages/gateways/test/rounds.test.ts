import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { ROUND_MS } from '../src/constants.ts'
import { Rounds, type RoundsItem } from '../src/rounds.ts'

describe('rounds', () => {
  let done: string[]
  let rounds: Rounds
  /** @param meanwhile is done while it is worked on. */
  const item = (name: string, meanwhile: () => void = () => {}): RoundsItem => ({
    work: () => {
      done.push(name)
      meanwhile()
    },
    answer: () => void done.push(name.toUpperCase()),
  })

  beforeEach(() => {
    done = []
    rounds = new Rounds()
  })

  it('do all the work that was added after what is under way, in its order, and then answer all', async () => {
    rounds.add(item('a'))
    queueMicrotask(() => {
      for (const name of ['b', 'c']) rounds.add(item(name))
    })
    assert.deepEqual(done, [])
    await setImmediate()
    assert.deepEqual(done, ['a', 'b', 'c', 'A', 'B', 'C'])
  })

  it('leave what is added meanwhile for the next one', async () => {
    rounds.add(item('a', () => rounds.add(item('b', () => rounds.add(item('c'))))))
    await setImmediate()
    assert.deepEqual(done, ['a', 'A'])
    await setImmediate()
    assert.deepEqual(done, ['a', 'A', 'b', 'B'])
  })

  it('that take long let others have their turn, and go on where they were', async () => {
    const work = (): void => {
      const endMs = performance.now() + ROUND_MS
      while (performance.now() < endMs);
    }
    for (const name of ['a', 'b']) rounds.add(item(name, work))
    await setImmediate()
    assert.deepEqual(done, ['a', 'A'])
    rounds.add(item('c'))
    await setImmediate()
    await setImmediate()
    assert.deepEqual(done, ['a', 'A', 'b', 'B', 'c', 'C'])
  })
})
