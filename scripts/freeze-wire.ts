/**
 * `npm run freeze-wire`: keeps the packages that speak the present wire version as a fixture, `test/wire/fixtures/wire-N.tgz`.
 *
 * Run it at the last commit before `WIRE_VERSION` rises, and commit the file with the rise. What is kept is the code that was
 * built, without types and maps: members of both versions then meet in the tests, for as long as the old one is spoken.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WIRE_VERSION } from '@reprise/core'
import { readManifest, rootDirectory } from './workspaces.ts'

/** What a member is made of; the rest of the house stands on it and never sees the wire. */
const PACKAGES = ['core', 'p2p', 'node'] as const

const file = join(rootDirectory, 'test/wire/fixtures', `wire-${WIRE_VERSION}.tgz`)
const folder = mkdtempSync(join(tmpdir(), 'reprise-wire-'))
try {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: rootDirectory, stdio: 'inherit' })
  for (const name of PACKAGES) {
    const from = join(rootDirectory, 'packages', name)
    const to = join(folder, '@reprise', name)
    mkdirSync(to, { recursive: true })
    // Without the condition that leads to sources: there are none.
    const { name: fullName, version } = readManifest(from)
    const manifest = { name: fullName, version, type: 'module', exports: './dist/index.js' }
    writeFileSync(join(to, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
    cpSync(join(from, 'dist'), join(to, 'dist'), {
      recursive: true,
      filter: (path) => !/\.(d\.ts|map|tsbuildinfo)$/.test(path),
    })
  }
  mkdirSync(join(file, '..'), { recursive: true })
  // Sorted and without owner and time: the same code gives the same file.
  const steady = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=2026-01-01 00:00Z']
  execFileSync('tar', [...steady, '-czf', file, '-C', folder, '@reprise'], { stdio: 'inherit' })
  console.log(`${file}: ${statSync(file).size} bytes`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
