/** The example at the head of index.ts runs as it stands there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as core from '@reprise/core'

describe('@reprise/core', () => {
  it('its example does what its comment says', async () => {
    const source = readFileSync(join(import.meta.dirname, '../src/index.ts'), 'utf8')
    const [, example] = /```js\n([\s\S]*?)```/.exec(source) ?? []
    assert(example !== undefined)
    const code = example.replaceAll(/^ \* ?/gm, '')
    const [, names] = /^import \{ (.*) \} from '@reprise\/core'$/m.exec(code) ?? []
    assert(names !== undefined)
    const shown: unknown[] = []
    const body = code.replace(/^import .*$/m, `const { ${names} } = core`)
    const run = new Function('core', 'console', `return (async () => {${body}})()`) as (
      ...args: unknown[]
    ) => Promise<void>
    await run(core, { log: (value: unknown) => shown.push(value) })
    const promised = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
    assert(promised.length > 0)
    assert.deepEqual(shown, promised)
  })

  it('its README shows the same example, and the limits as they are', () => {
    const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8')
    const readme = read('README.md')
    const [, example] = /```js\n([\s\S]*?)```/.exec(read('src/index.ts')) ?? []
    assert(example !== undefined && readme.includes(example.replaceAll(/^ \* ?/gm, '').trimEnd()))
    const constants = new Map<string, unknown>(Object.entries(core))
    const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| ([\d,]+) \|/gm)]
    assert(rows.length > 10)
    for (const [, name, value] of rows) {
      assert.equal(constants.get(name ?? ''), Number(value?.replaceAll(',', '')), name)
    }
  })
})
