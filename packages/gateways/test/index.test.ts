/** The example at the head of index.ts runs as it stands there, and the README shows the same. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as gateways from '@reprise/gateways'
import * as node from '@reprise/node'

describe('@reprise/gateways', () => {
  const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8')
  const exampleIn = (text: string): string => /```js\n([\s\S]*?)```/.exec(text)?.[1] ?? ''

  it('its example does what its comments say, and stands in the README', async () => {
    const code = exampleIn(read('src/index.ts')).replaceAll(/^ \* ?/gm, '')
    assert.equal(exampleIn(read('README.md')), code)
    const shown: string[] = []
    const log = (...values: readonly unknown[]): void => void shown.push(values.join(' '))
    const body = code.replaceAll(/^import (\{ .* \}) from '@reprise\/(.*)'$/gm, 'const $1 = $2')
    const run = new Function('gateways', 'node', 'console', `return (async () => {${body}})()`) as (
      ...args: unknown[]
    ) => Promise<void>
    await run(gateways, node, { log })
    const promised = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
    assert.deepEqual(shown, promised)
  })
})
