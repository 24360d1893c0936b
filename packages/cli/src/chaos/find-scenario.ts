/** The scenario that a person means: one that is built in, by its name, or one of their own, by its file. */
import { readFile, stat } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Scenario } from '@reprise/chaos'
import { findScenario as findBuiltIn, readScenario, SCENARIOS, ScenarioError } from '@reprise/chaos'
import { closest } from '../config/suggest.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { SCENARIO_BYTES_MAX } from './constants.ts'

/**
 * @param wanted a name, or a path: with a slash, or the ending of a JSON file or module.
 * @throws CommandError
 */
export async function findScenario(wanted: string): Promise<Scenario> {
  if (isFile(wanted)) return await scenarioFrom(wanted)
  const found = findBuiltIn(wanted)
  if (found !== undefined) return found
  const names = SCENARIOS.map(({ name }) => name)
  const near = closest(wanted, names)
  throw new CommandError({
    what: `there is no scenario '${wanted}'`,
    next: near === undefined ? 'reprise chaos list shows them; a file is given as ./FILE' : `did you mean ${near}?`,
    exitCode: ExitCode.usage,
  })
}

/** Whether it is the path of a file, and not a name. */
export function isFile(wanted: string): boolean {
  return wanted.includes('/') || MODULES.has(extname(wanted)) || extname(wanted) === '.json'
}

async function scenarioFrom(path: string): Promise<Scenario> {
  try {
    const { size } = await stat(path)
    if (size > SCENARIO_BYTES_MAX) throw new Error(`it is larger than ${SCENARIO_BYTES_MAX} bytes`)
    return readScenario(extname(path) === '.json' ? JSON.parse(await readFile(path, 'utf8')) : await exportedBy(path))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandError(
      {
        what: `${path} is no scenario`,
        why,
        next: error instanceof ScenarioError ? 'mend it there; docs/chaos.md has every key' : NEXT,
        exitCode: ExitCode.usage,
      },
      { cause: error },
    )
  }
}

async function exportedBy(path: string): Promise<unknown> {
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(resolve(path)).href)
  if (module['default'] === undefined) throw new Error('it has no default export')
  return module['default']
}

const MODULES: ReadonlySet<string> = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'])

const NEXT = 'give a JSON file, or a module whose default export is a scenario; docs/chaos.md shows one'
