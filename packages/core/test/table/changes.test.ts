import assert from 'node:assert/strict'
import { CHANGES_MAX } from '../../src/constants.ts'
import { Changes } from '../../src/table/changes.ts'
import { keyOf } from '../support/cluster.ts'

const key = (n: number): ReturnType<typeof keyOf> => keyOf(`k${n}`)

describe('Changes', () => {
  it('takes each key once, bucket by bucket, so many at a time', () => {
    const changes = new Changes()
    for (const n of [1, 2, 3, 1]) changes.add(5, key(n))
    changes.add(9, key(4))
    assert.equal(changes.size, 4)
    assert.deepEqual(changes.take(2), { bucket: 5, keys: [key(1), key(2)] })
    assert.deepEqual(changes.take(2), { bucket: 5, keys: [key(3)] })
    assert.deepEqual(changes.take(2), { bucket: 9, keys: [key(4)] })
    assert.equal(changes.take(2), undefined)
    assert.equal(changes.size, 0)
  })

  it('gives back what could not be written, and forgets what need not be', () => {
    const changes = new Changes()
    changes.add(5, key(1))
    changes.add(5, key(2))
    const taken = changes.take(10)
    changes.add(5, key(1))
    assert(taken !== undefined)
    changes.giveBack(taken)
    assert.equal(changes.size, 2)
    changes.delete(5, key(1))
    changes.delete(5, key(7))
    changes.delete(6, key(2))
    assert.equal(changes.size, 1)
    changes.delete(5, key(2))
    assert.equal(changes.take(10), undefined)
  })

  it('[R14] is bounded: a bucket of which too much changed is written as a whole', () => {
    const changes = new Changes()
    for (let n = 0; n <= CHANGES_MAX; n++) changes.add(5, key(n))
    assert.equal(changes.size, 1)
    changes.add(5, key(0))
    changes.delete(5, key(0))
    assert.equal(changes.size, 1)
    const taken = changes.take(10)
    assert.deepEqual(taken, { bucket: 5, keys: undefined })
    assert.equal(changes.size, 0)
    changes.add(5, key(1))
    changes.giveBack({ bucket: 5, keys: undefined })
    changes.giveBack({ bucket: 5, keys: undefined })
    assert.equal(changes.size, 1)
    assert.deepEqual(changes.take(10), { bucket: 5, keys: undefined })
  })
})
