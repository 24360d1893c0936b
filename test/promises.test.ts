/**
 * The index of what the tests prove: every pitfall of replication that we know of and every rule of the protocol has a
 * test whose title names it, `[pitfall 12]`, `[V1]`, `[rule P2]`. To read or run one: `npm test -- --grep "\[pitfall 12\]"`.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootDirectory } from '../scripts/workspaces.ts'

const PITFALLS = 46
/** Pitfalls of locks, which are not built. */
const PITFALLS_OF_LOCKS: ReadonlySet<number> = new Set([38, 39, 40])

/** By subject: versions, blobs, expiry, streams and moves, acknowledgements, reading, table, wire. */
const RULES: readonly string[] = [
  ...['V1', 'V2', 'V3', 'V4'],
  ...['B1'],
  ...['E1', 'E2', 'E3', 'E4'],
  ...['rule P1', 'rule P2', 'rule P3', 'rule P4', 'rule P5'],
  ...['A1', 'A2'],
  ...['rule R1', 'rule R2', 'rule R3'],
  ...['T1'],
  ...['W1', 'W2', 'W3'],
]

const files = globSync(['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'], { cwd: rootDirectory })
/** The tags that stand in the titles of all tests and groups of tests as they are written. */
const tags = new Set(files.flatMap((file) => tagsIn(readFileSync(join(rootDirectory, file), 'utf8'))))

describe('the promises', () => {
  it('of the protocol each have a test: every rule', () => {
    expectAll(RULES)
  })

  it('about pitfalls each have a test: all of them but those of locks', () => {
    const numbers = Array.from({ length: PITFALLS }, (_, i) => i + 1)
    expectAll(numbers.filter((n) => !PITFALLS_OF_LOCKS.has(n)).map((n) => `pitfall ${n}`))
  })

  it('are those that are known: no title names a pitfall or a rule that there is not', () => {
    const known = new Set([...RULES, ...Array.from({ length: PITFALLS }, (_, i) => `pitfall ${i + 1}`)])
    const strange = [...tags].filter((tag) => /^(pitfall|rule) |^[VBEATW]\d+$/.test(tag) && !known.has(tag))
    assert.deepEqual(strange, [])
  })
})

function expectAll(wanted: readonly string[]): void {
  const missing = wanted.filter((tag) => !tags.has(tag))
  assert.deepEqual(missing, [], `no test is titled ${missing.map((tag) => `[${tag}]`).join(', ')}`)
}

function tagsIn(source: string): string[] {
  const titles = [...source.matchAll(/\b(?:describe|it)\(\s*(['"`])(.*?)(?<!\\)\1/gs)].map(([, , title = '']) => title)
  return titles.flatMap((title) => [...title.matchAll(/\[([^\]]+)\]/g)].map(([, tag = '']) => tag))
}
