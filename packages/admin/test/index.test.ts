/** The example at the head of index.ts runs as it stands there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { startAdmin } from '@reprise/admin'
import { createNode } from '@reprise/node'
import * as constants from '../src/constants.ts'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

describe('@reprise/admin', () => {
  it('its example does what its comments say', async () => {
    const [, example] = /```js\n([\s\S]*?)```/.exec(read('src/index.ts')) ?? []
    assert(example !== undefined)
    const code = example.replaceAll(/^ \* ?/gm, '').replaceAll(/^import .*$/gm, '')
    const run = new Function('startAdmin', 'createNode', 'console', `return (async () => {${code}})()`)
    const printed: unknown[][] = []
    await run(startAdmin, createNode, { log: (...line: unknown[]) => printed.push(line) })
    assert.deepEqual(printed, [[200, '[+]joined ok\n[+]shards ok\n[+]not draining ok\n'], [true]])
  })

  it('its README shows the same example, and the limits as they are', () => {
    const readme = read('README.md')
    const [, example] = /```js\n([\s\S]*?)```/.exec(read('src/index.ts')) ?? []
    assert(example !== undefined && readme.includes(example.replaceAll(/^ \* ?/gm, '').trimEnd()))
    const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| ([\d,]+) \|/gm)]
    assert(rows.length > 8)
    const values = new Map<string, unknown>(Object.entries(constants))
    for (const [, name = '', value = ''] of rows)
      assert.equal(values.get(name), Number(value.replaceAll(',', '')), name)
  })
})
