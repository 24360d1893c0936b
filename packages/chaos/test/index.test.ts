/** The example at the head of index.ts runs as it stands there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import * as chaos from '@reprise/chaos'

describe('@reprise/chaos', () => {
  it('its example does what its comments say', async () => {
    const source = readFileSync(join(import.meta.dirname, '../src/index.ts'), 'utf8')
    const [, example] = /```js\n([\s\S]*?)```/.exec(source) ?? []
    assert(example !== undefined)
    const code = example.replaceAll(/^ \* ?/gm, '')
    const [, names] = /^import \{ (.*) \} from '@reprise\/chaos'$/m.exec(code) ?? []
    assert(names !== undefined)
    const shown: string[] = []
    const log = (...values: unknown[]): void => {
      shown.push(values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' '))
    }
    const body = code.replace(/^import .*$/m, `const { ${names} } = chaos`)
    const run = new Function('chaos', 'console', `return (async () => {${body}})()`) as (
      ...args: unknown[]
    ) => Promise<void>
    await run(chaos, { log })
    const promised = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
    assert(promised.length > 0)
    assert.deepEqual(shown, promised)
  })
})
