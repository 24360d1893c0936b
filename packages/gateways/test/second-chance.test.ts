import assert from 'node:assert/strict'
import { SecondChanceMap } from '../src/second-chance.ts'

describe('a map with second chances', () => {
  it('forgets the oldest first when there is no more room, but spares once what was asked for', () => {
    const map = new SecondChanceMap<number, string>(32)
    for (let key = 0; key < 32; key++) map.keep(key, `${key}`, 1)
    assert.equal(map.get(0), '0')
    map.keep(32, '32', 1)
    assert.deepEqual(
      [0, 1, 2, 3, 4, 32].map((key) => map.get(key)),
      ['0', undefined, undefined, undefined, '4', '32'],
    )
  })

  it('forgets something also when everything was asked for', () => {
    const map = new SecondChanceMap<number, number>(16)
    for (let key = 0; key < 100; key++) {
      map.keep(key, key, 1)
      for (let known = 0; known <= key; known++) map.get(known)
    }
    const left = Array.from({ length: 100 }, (_, key) => map.get(key)).filter((value) => value !== undefined)
    assert.ok(left.length <= 16 && left.length >= 14, `${left}`)
  })

  it('weighs what it keeps', () => {
    const map = new SecondChanceMap<string, string>(16)
    map.keep('light', 'l', 2)
    map.keep('heavy', 'h', 13)
    map.keep('more', 'm', 3)
    assert.deepEqual([map.get('light'), map.get('heavy'), map.get('more')], [undefined, undefined, 'm'])
  })
})
