/**
 * Proves what is published, as a stranger meets it: builds and packs every public package, installs the tarballs in an
 * empty folder, type-checks an import of each, runs the first example of the README, `npx reprise --version` and a small
 * demo, under the pinned Node and under the oldest one that `engines` promises.
 *
 * The example is the first js or ts block after the marker `<!-- smoke:first-example -->`; it must end by itself.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { type Manifest, packageDirectories, readManifest, rootDirectory } from './workspaces.ts'

const MARKER = '<!-- smoke:first-example -->'

/** The oldest Node of `engines`; the registry lacks it for some platforms, which then take the newest of its major. */
const OLDEST_NODE = ['22.12.0', '^22.12.0'] as const

/** npm was seen to wait for ever on a tarball of its own cache; an install that takes this long is given up. */
const INSTALL_MS_MAX = 120_000

/** An example that has not ended by then will not. */
const EXAMPLE_MS_MAX = 60_000

/** The demo bounds itself at 90 seconds. */
const DEMO_MS_MAX = 120_000

/** One Node to prove things under. */
interface Runtime {
  readonly version: string
  readonly executable: string
}

function main(): void {
  const example = readExample(join(rootDirectory, 'README.md'))
  const folder = mkdtempSync(join(tmpdir(), 'reprise-smoke-'))
  try {
    const consumer = installPacked(folder)
    checkTypes(consumer)
    const exampleFile = join(consumer, 'example.js')
    writeFileSync(exampleFile, example)

    const version = readManifest(join(rootDirectory, 'packages/cli')).version
    for (const runtime of [pinnedNode(), installOldestNode(folder)]) {
      runExample(runtime, exampleFile)
      runCommand(runtime, consumer, version)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The first example of the README as JavaScript. */
function readExample(readme: string): string {
  const text = existsSync(readme) ? readFileSync(readme, 'utf8') : ''
  const start = text.indexOf(MARKER)
  if (start < 0) fail(`README.md has no marker ${MARKER} before its first example`)
  const block = /^```(?<language>js|javascript|ts|typescript)\b[^\n]*\n(?<code>.*?)^```/ms.exec(text.slice(start))
  if (block?.groups === undefined) fail(`README.md has no js or ts block after ${MARKER}`)
  const { language = '', code = '' } = block.groups
  return language.startsWith('t') ? stripTypes(code) : code
}

/** Node's own type stripping, without its warning that it is experimental. */
function stripTypes(code: string): string {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(code)
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Builds and packs the public packages and installs them in an empty project, whose folder it returns. */
function installPacked(folder: string): string {
  run('npm', ['run', '--silent', 'build'], rootDirectory)

  const tarballFolder = join(folder, 'tarballs')
  mkdirSync(tarballFolder)
  const packages = publicPackages().map(({ name }) => `--workspace=${name}`)
  run('npm', ['pack', '--silent', `--pack-destination=${tarballFolder}`, ...packages], rootDirectory)
  const tarballs = readdirSync(tarballFolder).map((file) => join(tarballFolder, file))

  const consumer = join(folder, 'consumer')
  mkdirSync(consumer)
  writeFileSync(join(consumer, 'package.json'), '{ "private": true, "type": "module" }\n')
  const install = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs]
  run('npm', install, consumer, { timeout: INSTALL_MS_MAX })
  for (const { name } of publicPackages()) {
    if (!existsSync(join(consumer, 'node_modules', name, 'LICENSE'))) fail(`${name} is packed without its LICENSE`)
  }
  say(`packed and installed ${tarballs.length} packages`)
  return consumer
}

/** Imports every package that can be imported, and lets tsc find its types where `exports` says they are. */
function checkTypes(consumer: string): void {
  const imports = publicPackages()
    .flatMap(({ name, exports }) => Object.keys(exports ?? {}).map((entry) => name + entry.slice(1)))
    .map((entry, index) => `import * as entry${index} from '${entry}'\nvoid entry${index}\n`)
  writeFileSync(join(consumer, 'types.ts'), imports.join(''))
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024']
  run(process.execPath, [tsc, ...options, 'types.ts'], consumer)
  say(`found the types of ${imports.length} entries`)
}

function runExample(runtime: Runtime, exampleFile: string): void {
  const startedMs = performance.now()
  run(runtime.executable, [exampleFile], dirname(exampleFile), { timeout: EXAMPLE_MS_MAX, env: environment(runtime) })
  say(`the README's first example ran under Node ${runtime.version} (${Math.round(performance.now() - startedMs)} ms)`)
}

function runCommand(runtime: Runtime, consumer: string, version: string): void {
  const printed = run('npx', ['--no', '--', 'reprise', '--version'], consumer, { env: environment(runtime) }).trim()
  if (printed !== version) fail(`reprise --version printed ${printed} instead of ${version}`)
  say(`npx reprise --version answered under Node ${runtime.version}`)

  // Only the whole way through shows that everything it loads on the way was compiled and packed as it should be.
  const startedMs = performance.now()
  const demo = ['--no', '--', 'reprise', 'demo', '--once', '--nodes', '3']
  run('npx', demo, consumer, { timeout: DEMO_MS_MAX, env: environment(runtime) })
  say(`reprise demo held under Node ${runtime.version} (${Math.round(performance.now() - startedMs)} ms)`)
}

function publicPackages(): Manifest[] {
  return packageDirectories()
    .map(readManifest)
    .filter((manifest) => manifest.private !== true)
}

function pinnedNode(): Runtime {
  return { version: process.versions.node, executable: process.execPath }
}

/**
 * Installs the platform's bare binary package, which the package `node` would choose in its install script; taken
 * directly, so that no install script has to be allowed.
 */
function installOldestNode(folder: string): Runtime {
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const name = `${prefix}-${platform}-${process.arch}`

  const home = join(folder, 'oldest-node')
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
  const found = OLDEST_NODE.some((range) => {
    try {
      run('npm', ['install', '--no-audit', '--no-fund', '--silent', `${name}@${range}`], home, {
        timeout: INSTALL_MS_MAX,
      })
      return true
    } catch {
      return false
    }
  })
  if (!found) fail(`the registry has no ${name}@${OLDEST_NODE.join(' or ')}`)

  const executable = join(home, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  return { version: run(executable, ['--version'], home).trim().slice(1), executable }
}

/** An environment in which `node` is that runtime, and which says nothing of this repository. */
function environment({ executable }: Runtime): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env
  return { ...env, PATH: [dirname(executable), env['PATH']].join(delimiter) }
}

/** Runs a program to its end and returns what it printed; its complaints go to the terminal. */
function run(
  program: string,
  args: readonly string[],
  cwd: string,
  options: { readonly timeout?: number; readonly env?: NodeJS.ProcessEnv } = {},
): string {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: [...stdio], killSignal: 'SIGKILL', ...options })
}

function say(line: string): void {
  console.log(`smoke: ${line}`)
}

function fail(reason: string): never {
  throw new Error(reason)
}

try {
  main()
} catch (error) {
  console.error(`smoke: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
