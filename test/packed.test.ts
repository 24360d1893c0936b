/**
 * What a package with a CommonJS side publishes, as the tools that read it see it: every entry resolves, with types of the same
 * kind, for `import` and for `require`. Looked at in the packed tarball, without network.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { buildCommonJs } from '../scripts/commonjs.ts'
import { readManifest, rootDirectory } from '../scripts/workspaces.ts'

const directory = join(rootDirectory, 'packages/stores')

describe('@reprise/stores, packed', function () {
  this.timeout(120_000)
  let folder: string
  let tarball: Uint8Array

  before(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'reprise-packed-')))
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
    execFileSync(process.execPath, [tsc, '--build', directory], { cwd: rootDirectory })
    buildCommonJs(directory)
    execFileSync('npm', ['pack', '--silent', '--ignore-scripts', `--pack-destination=${folder}`], { cwd: directory })
    const [file] = readdirSync(folder)
    tarball = readFileSync(join(folder, file ?? ''))
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  it('has types that are right for import and for require', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(tarball))
    assert(analysis.types !== false)
    assert.deepEqual(Object.keys(analysis.entrypoints).sort(), ['./express-session', './fastify-session'])
    // `node10` is resolution as before `exports`, which only TypeScript still does, and warns of.
    const problems = analysis.problems.filter(
      (problem) => !('resolutionKind' in problem) || problem.resolutionKind !== 'node10',
    )
    assert.deepEqual(problems, [])
  })

  it('is a well-formed package', async () => {
    const buffer = new ArrayBuffer(tarball.length)
    new Uint8Array(buffer).set(tarball)
    const { messages } = await publint({ pack: { tarball: buffer }, strict: true })
    assert.deepEqual(
      messages.map((message) => formatMessage(message, readManifest(directory))),
      [],
    )
  })

  it('gives the same names to import and to require', async () => {
    execFileSync('tar', ['-xzf', join(folder, readdirSync(folder)[0] ?? '')], { cwd: folder })
    mkdirSync(join(folder, 'node_modules/@reprise'), { recursive: true })
    symlinkSync(join(folder, 'package'), join(folder, 'node_modules/@reprise/stores'))
    for (const needed of ['express-session', 'lru-cache']) {
      symlinkSync(join(rootDirectory, 'node_modules', needed), join(folder, 'node_modules', needed))
    }
    // In a process of its own: this one prefers sources.
    const names = (...code: string[]): string[] => {
      const args = [...code, 'console.log(JSON.stringify(Object.keys(entry).sort()))']
      const { NODE_OPTIONS: _, ...env } = process.env
      return JSON.parse(
        execFileSync(process.execPath, ['--input-type=module', '-e', args.join('\n')], {
          cwd: folder,
          env,
          encoding: 'utf8',
        }),
      )
    }
    for (const path of ['@reprise/stores/express-session', '@reprise/stores/fastify-session']) {
      const imported = names(`import * as entry from '${path}'`)
      const required = names(
        "import { createRequire } from 'node:module'",
        `const entry = createRequire('${join(folder, 'consumer.cjs')}')('${path}')`,
      )
      assert.deepEqual(required, imported)
      assert(required.includes('RepriseStore'))
    }
  })
})
