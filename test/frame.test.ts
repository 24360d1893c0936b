/**
 * The promises that every package keeps and that nothing else would notice broken: one version, one manifest, one Node,
 * and the references that tsc needs.
 */

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import ts from 'typescript'
import { packageDirectories, readManifest, rootDirectory } from '../scripts/workspaces.ts'

const directories = packageDirectories()
const root = readManifest(rootDirectory)

describe('frame', () => {
  it('has one version', () => {
    const { version } = JSON.parse(readFileSync(join(rootDirectory, 'lerna.json'), 'utf8'))
    for (const directory of directories) {
      const { name, version: packageVersion, dependencies } = readManifest(directory)
      assert.equal(packageVersion, version, name)
      for (const [dependency, range] of Object.entries(dependencies ?? {})) {
        if (dependency.startsWith('@reprise/')) assert.equal(range, version, `${name} needs ${dependency}`)
      }
    }
  })

  it('asks for the same Node everywhere', () => {
    const needed = root.engines?.node
    assert.match(needed ?? '', /^>=\d+\.\d+$/)
    for (const directory of directories) assert.equal(readManifest(directory).engines?.node, needed, directory)

    const launcher = readFileSync(join(rootDirectory, 'packages/cli/bin/reprise.js'), 'utf8')
    const [, major, minor] = /NODE_MIN = \[(\d+), (\d+)\]/.exec(launcher) ?? []
    assert.equal(`>=${major}.${minor}`, needed, 'bin/reprise.js')
  })

  for (const directory of directories) {
    const folder = basename(directory)
    const manifest = readManifest(directory)

    describe(`packages/${folder}`, () => {
      it('is an ES module of the house', () => {
        assert.equal(manifest.name, `@reprise/${folder}`)
        assert.equal(manifest.type, 'module')
        assert.equal(manifest.license, root.license)
        assert.deepEqual(manifest.repository, { ...root.repository, directory: `packages/${folder}` })
      })

      it('exports its source to us and its build to everyone', () => {
        if (manifest.bin !== undefined) {
          for (const file of Object.values(manifest.bin)) assert.ok(existsSync(join(directory, file)), file)
        }
        if (manifest.exports === undefined) {
          assert.ok(manifest.bin, 'what has no exports is a command')
          return
        }
        const isDual = existsSync(join(directory, 'tsconfig.cjs.json'))
        for (const [entry, conditions] of Object.entries(manifest.exports)) {
          const name = entry === '.' ? 'index' : entry.slice(2)
          const build = (dist: string): object => ({ types: `./${dist}/${name}.d.ts`, default: `./${dist}/${name}.js` })
          const expected = isDual ? { import: build('dist'), require: build('dist/cjs') } : build('dist')
          const source = { '@reprise/source': `./src/${name}.ts` }
          assert.equal(JSON.stringify(conditions), JSON.stringify({ ...source, ...expected }), 'the first match wins')
          assert.ok(existsSync(join(directory, `src/${name}.ts`)))
        }
      })

      it('publishes its build, its README and the license, or is private', () => {
        if (manifest.private === true) return
        assert.equal(manifest.publishConfig?.access, 'public')
        for (const entry of ['dist', '!dist/.tsbuildinfo', 'README.md', 'LICENSE']) {
          assert.ok(manifest.files?.includes(entry), entry)
        }
        assert.equal(manifest.files?.includes('bin'), manifest.bin !== undefined)
      })

      it('references for tsc the packages it depends on', () => {
        const siblings = Object.keys(manifest.dependencies ?? {})
          .filter((name) => name.startsWith('@reprise/'))
          .map((name) => name.replace('@reprise/', '../'))
        // A package may have projects inside it, such as the page of one that runs in a browser.
        const outside = references(join(directory, 'tsconfig.json')).filter((path) => path.startsWith('../'))
        assert.deepEqual(outside, siblings.sort())
        for (const solution of ['tsconfig.json', 'tsconfig.test.json']) {
          assert.ok(references(join(rootDirectory, solution)).includes(`packages/${folder}`), solution)
        }
      })
    })
  }
})

/** The paths of the projects a tsconfig refers to, sorted. */
function references(file: string): string[] {
  const { config } = ts.readConfigFile(file, ts.sys.readFile)
  const entries: readonly { readonly path: string }[] = config.references ?? []
  return entries.map(({ path }) => path).sort()
}
