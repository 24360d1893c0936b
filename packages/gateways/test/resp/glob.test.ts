import assert from 'node:assert/strict'
import fc from 'fast-check'
import { matchesGlob } from '../../src/resp/glob.ts'

const matches = (pattern: string, key: string): boolean =>
  matchesGlob(Buffer.from(pattern, 'latin1'), Buffer.from(key, 'latin1'))

describe('matchesGlob', () => {
  for (const [pattern, matched, unmatched] of [
    ['', [''], ['a']],
    ['abc', ['abc'], ['ab', 'abcd', 'xbc', '']],
    ['*', ['', 'a', 'a\0b\n'], []],
    ['a*', ['a', 'abc'], ['', 'ba']],
    ['*a', ['a', 'ba', 'aa'], ['ab']],
    ['a*b*c', ['abc', 'aXbXc', 'abbcc', 'abcbc'], ['ab', 'acb']],
    ['**a**', ['a', 'bab'], ['b']],
    ['?', ['a', '\0'], ['', 'ab']],
    ['a?c', ['abc'], ['ac', 'abbc']],
    ['[abc]x', ['ax', 'cx'], ['dx', 'x', '[x']],
    ['[^abc]x', ['dx'], ['ax', 'x']],
    ['[a-c]', ['a', 'b', 'c'], ['d', '-']],
    ['[c-a]', ['a', 'b', 'c'], ['d']],
    ['[a-', ['a', '-'], ['b']],
    ['[abc', ['a'], ['d', '[abc']],
    ['[a\\]b]', [']', 'a'], ['\\', 'c']],
    ['[]x', [], ['x', ']x']],
    ['\\*', ['*'], ['a', '\\*']],
    ['a\\', ['a\\'], ['a']],
    ['h*[^l]o', ['hello, foo', 'hxo'], ['hlo']],
  ] as const) {
    it(`knows ${JSON.stringify(pattern)}`, () => {
      for (const key of matched) assert.ok(matches(pattern, key), `matches ${JSON.stringify(key)}`)
      for (const key of unmatched) assert.ok(!matches(pattern, key), `does not match ${JSON.stringify(key)}`)
    })
  }

  it('finds itself when everything special is escaped', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (key) => {
        const escaped = [...key].flatMap((byte) => [0x5c, byte])
        assert.ok(matchesGlob(Uint8Array.from(escaped), key))
      }),
    )
  })

  it('says what a regular expression says', () => {
    const token = fc.constantFrom('*', '?', 'a', 'b', '[ab]', '[^a]')
    const pattern = fc.array(token, { maxLength: 8 })
    const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 10 })
    fc.assert(
      fc.property(pattern, key, (tokens, text) => {
        const source = tokens.map((one) => (one === '*' ? '.*' : one === '?' ? '.' : one)).join('')
        assert.equal(matches(tokens.join(''), text), new RegExp(`^${source}$`, 's').test(text))
      }),
      { numRuns: 1_000 },
    )
  })

  it('does not try every way to share a key among many stars', () => {
    assert.ok(!matches(`${'a*'.repeat(40)}b`, 'a'.repeat(250)))
  })
})
