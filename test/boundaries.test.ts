/**
 * Proves that the arrows bite: builds a small house of packages in a temporary folder, breaks each rule of
 * .dependency-cruiser.mjs once in it, and expects exactly those violations. A checker that sees nothing across
 * packages, as dependency-cruiser does without `exportsFields`, passes every house; it does not pass this test.
 */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'

/** What each package of the house may import according to its package.json. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  core: [],
  locks: ['@reprise/core'],
  p2p: ['@reprise/core', 'libp2p'],
  node: ['@reprise/core', '@reprise/p2p'],
  tls: ['@reprise/core'],
  cli: ['@reprise/core', '@reprise/node', '@reprise/tls'],
  testkit: ['@reprise/core', 'fast-check'],
  surprise: [],
}

/** Imports that are allowed, so that a rule that forbids everything is noticed too. */
const LAWFUL: Readonly<Record<string, readonly string[]>> = {
  'packages/core/src/index.ts': ['./session.ts', 'node:assert/strict', 'node:buffer'],
  'packages/core/src/session.ts': [],
  'packages/locks/src/index.ts': ['@reprise/core'],
  'packages/p2p/src/index.ts': ['@reprise/core', 'libp2p', 'node:fs'],
  'packages/node/src/index.ts': ['@reprise/core', '@reprise/p2p', 'node:fs'],
  'packages/tls/src/index.ts': ['@reprise/core', 'node:tls'],
  'packages/cli/src/index.ts': ['@reprise/core', '@reprise/node', '@reprise/tls'],
  'packages/testkit/src/index.ts': ['@reprise/core', 'fast-check'],
  'packages/node/test/node.test.ts': ['../src/index.ts', '@reprise/testkit'],
}

/** One broken rule a line: the file, what it imports, and the rules it breaks by that. */
const UNLAWFUL: readonly (readonly [file: string, specifier: string, rules: readonly string[]])[] = [
  ['packages/core/src/a.ts', '@reprise/node', ['arrow-core']],
  ['packages/locks/src/a.ts', '@reprise/p2p', ['arrow-locks']],
  ['packages/p2p/src/a.ts', '@reprise/node', ['arrow-p2p']],
  ['packages/node/src/a.ts', '@reprise/tls', ['arrow-node']],
  ['packages/tls/src/a.ts', '@reprise/cli', ['arrow-tls']],
  ['packages/cli/src/a.ts', '@reprise/testkit', ['arrow-cli', 'no-tests-in-src']],
  ['packages/testkit/src/a.ts', '@reprise/p2p', ['arrow-testkit']],
  ['packages/surprise/src/index.ts', '@reprise/core', ['known-package']],
  ['packages/core/src/b.ts', 'fs', ['pure-builtins']],
  ['packages/locks/src/b.ts', 'timers/promises', ['pure-builtins']],
  ['packages/node/src/b.ts', 'libp2p', ['declared-dependencies', 'libp2p-only-in-p2p']],
  ['packages/node/src/c.ts', 'fast-check', ['declared-dependencies']],
  ['packages/node/src/d.ts', '../../core/src/index.ts', ['import-by-name']],
  ['packages/node/src/e.ts', '../../core/src/session.ts', ['import-by-name', 'no-deep-import']],
  ['packages/node/src/f.ts', '../test/node.test.ts', ['no-tests-in-src']],
  ['packages/node/src/g.ts', './nowhere.ts', ['resolvable']],
  ['packages/node/src/h.ts', './i.ts', ['no-cycle']],
  ['packages/node/src/i.ts', './h.ts', ['no-cycle']],
]

describe('boundaries', () => {
  let house: string

  before(() => {
    house = realpathSync(mkdtempSync(join(tmpdir(), 'reprise-boundaries-')))
    buildHouse(house)
  })

  after(() => rmSync(house, { recursive: true, force: true }))

  it('finds each broken rule and nothing else', async function () {
    this.timeout(20_000)
    const options = await extractDepcruiseOptions(join(import.meta.dirname, '../.dependency-cruiser.mjs'))
    const { output } = await cruise(['packages'], { ...options, baseDir: house })

    const found = (output as ICruiseResult).modules.flatMap(({ source, dependencies }) =>
      dependencies
        .filter(({ valid }) => !valid)
        .map(({ module, rules }) => `${source} -> ${module}: ${rules?.map(({ name }) => name).sort()}`),
    )
    const expected = UNLAWFUL.map(([file, specifier, rules]) => `${file} -> ${specifier}: ${rules}`)
    assert.deepEqual(found.sort(), expected.sort())
  })
})

/** Writes the packages as npm would link them, and a stub for each foreign one. */
function buildHouse(house: string): void {
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(house, file)), { recursive: true })
    writeFileSync(join(house, file), text)
  }

  write('package.json', JSON.stringify({ private: true, type: 'module', workspaces: ['packages/*'] }))
  mkdirSync(join(house, 'node_modules/@reprise'), { recursive: true })
  for (const [name, dependencies] of Object.entries(PACKAGES)) {
    const manifest = {
      name: `@reprise/${name}`,
      type: 'module',
      exports: { '.': { '@reprise/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' } },
      dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, '*'])),
    }
    write(`packages/${name}/package.json`, JSON.stringify(manifest))
    symlinkSync(`../../packages/${name}`, join(house, 'node_modules/@reprise', name))
  }
  for (const name of ['libp2p', 'fast-check']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, type: 'module', exports: './index.js' }))
    write(`node_modules/${name}/index.js`, 'export {}\n')
  }

  const imports = (specifiers: readonly string[]): string =>
    specifiers.map((specifier) => `import '${specifier}'\n`).join('')
  for (const [file, specifiers] of Object.entries(LAWFUL)) write(file, imports(specifiers))
  for (const [file, specifier] of UNLAWFUL) write(file, imports([specifier]))
}
