/**
 * Runs the tests: each group in a mocha of its own, three at a time. Most tests wait, for other processes and for time to pass,
 * and one after the other they wait longer than a person does.
 *
 * What a group prints is printed when it has ended, in one piece; arguments go to every mocha, so `--grep` finds a test wherever
 * it is. A group that does not end within GROUP_MS is ended, and has failed. The last line counts over all groups. Exits with 1
 * when any of them failed.
 */

import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { packageDirectories, rootDirectory } from './workspaces.ts'

/** On two processors the third fills the time in which the other two wait; a fourth makes all of them late. */
const JOBS = 3

/** What takes longer hangs. The longest group took eleven minutes once, of a machine at a third of its speed, and has been cut in two since. */
const GROUP_MS = 900_000

/** How long what a group printed may keep coming after its end, from processes that it left behind. */
const LAST_WORDS_MS = 2_000

/** What takes longest begins first, so that nobody waits for it alone at the end. */
const LONGEST_FIRST = ['cli-commands', 'cli-commands-2', 'node', 'cli', 'sim', 'core', 'admin', 'p2p', 'strangers']

/** They have runners of their own, or are no tests. */
const ELSEWHERE = new Set(['interop', 'chaos', 'e2e', 'bench', 'support'])

interface Group {
  readonly name: string
  readonly patterns: readonly string[]
}

interface Outcome {
  readonly isGreen: boolean
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** A line for each test that failed. */
  readonly failures: readonly string[]
}

/** Ends a group that is running, each: a terminal's Ctrl-C does not reach them. */
const running = new Set<() => void>()

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'reprise-test-'))
  // Hundreds of processes load the same files; compiled once, those of the cli's tests take a third less of the processor. What
  // was not compiled anew is not counted exactly.
  if (process.env['NODE_V8_COVERAGE'] === undefined) process.env['NODE_COMPILE_CACHE'] ??= join(folder, 'compiled')
  const outcomes: Outcome[] = []
  const groups = findGroups()
  const work = async (): Promise<void> => {
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      outcomes.push(await run(group, join(folder, group.name)))
    }
  }
  try {
    await Promise.all(Array.from({ length: JOBS }, work))
  } finally {
    // A process that was told to end may still write there what it compiled.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
  const sum = (count: 'passed' | 'failed' | 'skipped'): number =>
    outcomes.reduce((total, outcome) => total + outcome[count], 0)
  const totalsFile = process.env['REPRISE_TEST_TOTALS']
  const failures = outcomes.flatMap((outcome) => outcome.failures)
  if (totalsFile !== undefined) {
    const lines = [`${sum('passed')} ${sum('failed')} ${sum('skipped')}`, ...failures]
    appendFileSync(totalsFile, `${lines.join('\n')}\n`)
  }
  if (failures.length > 0) console.log(`\n${failures.join('\n')}\n`)
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
  if (!outcomes.every(({ isGreen }) => isGreen)) process.exitCode = 1
}

function findGroups(): Group[] {
  const packages = packageDirectories()
    .filter((directory) => existsSync(join(directory, 'test')))
    .flatMap((directory) => groupsOf(basename(directory)))
  const across = readdirSync(join(rootDirectory, 'test'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !ELSEWHERE.has(entry.name))
    .map(({ name }) => ({ name, patterns: [`test/${name}/**/*.test.ts`] }))
  const groups = [...packages, ...across, { name: 'repository', patterns: ['test/*.test.ts'] }]
  const rank = ({ name }: Group): number => {
    const place = LONGEST_FIRST.indexOf(name)
    return place < 0 ? LONGEST_FIRST.length : place
  }
  return groups.sort((a, b) => rank(a) - rank(b))
}

function groupsOf(name: string): Group[] {
  const test = `packages/${name}/test`
  if (name !== 'cli') return [{ name, patterns: [`${test}/**/*.test.ts`] }]
  // Half of all the time, most of which its commands wait for processes: two groups that take about as long.
  return [
    { name: 'cli-commands', patterns: [`${test}/commands/[a-d]*.test.ts`] },
    { name: 'cli-commands-2', patterns: [`${test}/commands/[!a-d]*.test.ts`, `${test}/commands/*/**/*.test.ts`] },
    { name, patterns: [`${test}/*.test.ts`, `${test}/!(commands)/**/*.test.ts`] },
  ]
}

async function run(group: Group, totalsFile: string): Promise<Outcome> {
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js')
  const colour = process.stdout.isTTY ? ['--color'] : []
  const args = [mocha, ...group.patterns, ...colour, ...process.argv.slice(2)]
  const env = { ...process.env, REPRISE_TEST_TOTALS: totalsFile }
  // A process group of its own, so that ending it ends what it started, too.
  const child = spawn(process.execPath, args, {
    cwd: rootDirectory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const end = (): void => endProcessGroup(child.pid)
  running.add(end)
  const output: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk))
  const limit = setTimeout(() => {
    output.push(Buffer.from(`\n${group.name} did not end within ${GROUP_MS / 60_000} minutes, and was ended.\n`))
    end()
  }, GROUP_MS)
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
    child.once('exit', (code) => setTimeout(resolve, LAST_WORDS_MS, code).unref())
  })
  clearTimeout(limit)
  running.delete(end)
  child.stdout.destroy()
  child.stderr.destroy()
  const [counts = '', ...failures] = existsSync(totalsFile)
    ? readFileSync(totalsFile, 'utf8').trimEnd().split('\n')
    : ['', `! ${group.name} ended before its last test`]
  const [passed = 0, failed = 0, skipped = 0] = counts.split(' ').map(Number)
  const isGreen = exitCode === 0
  if (!isGreen && failures.length === 0) failures.push(`! ${group.name} did not end by itself`)
  // With --grep most groups have nothing to say.
  if (!isGreen || passed + failed + skipped > 0) {
    console.log(`\n=== ${group.name} ===`)
    process.stdout.write(Buffer.concat(output))
  }
  return { isGreen, passed, failed: isGreen ? failed : Math.max(failed, 1), skipped, failures }
}

function endProcessGroup(id: number | undefined): void {
  if (id === undefined) return
  try {
    process.kill(-id, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const end of running) end()
    process.kill(process.pid, signal)
  })
}

await main()
