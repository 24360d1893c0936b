/** The examples at the heads of the entries run as they stand there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import * as node from '@reprise/node'
import * as expressStore from '@reprise/stores/express-session'
import * as fastifyStore from '@reprise/stores/fastify-session'

describe('@reprise/stores', () => {
  for (const [file, store] of Object.entries({ 'express-session': expressStore, 'fastify-session': fastifyStore })) {
    it(`the example of ${file} does what its comments say`, async () => {
      const source = readFileSync(join(import.meta.dirname, `../src/${file}.ts`), 'utf8')
      const [, example] = /```js\n([\s\S]*?)```/.exec(source) ?? []
      assert(example !== undefined)
      const code = example.replaceAll(/^ \* ?/gm, '').replaceAll(/^import .*$/gm, '')
      const shown: string[] = []
      const log = (value: unknown): number => shown.push(typeof value === 'string' ? value : inspect(value))
      const body = `const { createNode, RepriseStore } = names; return (async () => {${code}})()`
      const run = new Function('names', 'console', body) as (...args: unknown[]) => Promise<void>
      await run({ ...node, ...store }, { log })
      const promised = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
      assert(promised.length > 0)
      assert.deepEqual(shown, promised)
    })
  }
})
