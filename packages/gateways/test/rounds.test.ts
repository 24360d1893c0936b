import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { ROUND_MS } from '../src/constants.ts'
import { Rounds } from '../src/rounds.ts'

describe('rounds', () => {
  it('do what was added after what is under way, in its order, and all of it together', async () => {
    const done: string[] = []
    const rounds = new Rounds<string>((item) => void done.push(item))
    rounds.add('a')
    queueMicrotask(() => {
      for (const item of ['b', 'c']) rounds.add(item)
    })
    assert.deepEqual(done, [])
    await setImmediate()
    assert.deepEqual(done, ['a', 'b', 'c'])
  })

  it('leave what is added meanwhile for the next one', async () => {
    const done: number[] = []
    const rounds = new Rounds<number>((item) => {
      done.push(item)
      if (item < 3) rounds.add(item + 1)
    })
    rounds.add(1)
    await setImmediate()
    assert.deepEqual(done, [1])
    await setImmediate()
    assert.deepEqual(done, [1, 2])
  })

  it('that take long let others have their turn, and go on where they were', async () => {
    const done: string[] = []
    const rounds = new Rounds<string>((item) => {
      done.push(item)
      const endMs = performance.now() + ROUND_MS
      while (performance.now() < endMs);
    })
    for (const item of ['a', 'b']) rounds.add(item)
    await setImmediate()
    assert.deepEqual(done, ['a'])
    rounds.add('c')
    await setImmediate()
    await setImmediate()
    assert.deepEqual(done, ['a', 'b', 'c'])
  })
})
