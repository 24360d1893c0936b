/**
 * The config file: where it is looked for, and how it is read. JSON, or a module (JavaScript, TypeScript where the running
 * Node strips types) whose default export is the configuration.
 */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CommandError, ExitCode } from '../failure.ts'
import { userConfigDirectory } from './locations.ts'

/** What a file says, not checked yet. */
export interface ConfigFile {
  readonly path: string
  readonly data: Readonly<Record<string, unknown>>
}

const EXTENSIONS = ['.json', '.ts', '.js'] as const

/**
 * The file that was named; else `reprise.config.*` here; else the user's own; else none.
 * @throws CommandError when it was named and is not there, and when it cannot be read.
 */
export async function readConfigFile(
  named: string | undefined,
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<ConfigFile | undefined> {
  const path = named === undefined ? findConfigFile(cwd, env) : resolve(cwd, named)
  if (path === undefined) return undefined
  const data = extname(path) === '.json' ? await readJson(path) : await importModule(path)
  if (isRecord(data)) return { path, data }
  throw unusable(path, extname(path) === '.json' ? 'it is no object' : 'its default export is no object')
}

function findConfigFile(cwd: string, env: NodeJS.ProcessEnv): string | undefined {
  const candidates = [
    ...EXTENSIONS.map((extension) => join(cwd, `reprise.config${extension}`)),
    ...EXTENSIONS.map((extension) => join(userConfigDirectory(env), `config${extension}`)),
  ]
  return candidates.find((candidate) => existsSync(candidate))
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw unusable(path, cause.message, cause)
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unusable(path, (cause as Error).message, cause)
  }
}

async function importModule(path: string): Promise<unknown> {
  if (extname(path) === '.ts' && process.features.typescript === false) {
    throw new CommandError({
      what: `${path} is TypeScript, which Node ${process.versions.node} does not run by itself`,
      next: 'use Node 22.18 or newer, or write it as reprise.config.json',
      exitCode: ExitCode.usage,
    })
  }
  try {
    // The time in the query: a file that changed is not the module that was loaded before.
    const { mtimeMs } = await stat(path)
    const module: unknown = await import(`${pathToFileURL(path).href}?${mtimeMs}`)
    return isRecord(module) ? module['default'] : undefined
  } catch (cause) {
    throw unusable(path, (cause as Error).message, cause)
  }
}

function unusable(path: string, why: string, cause?: unknown): CommandError {
  const next = 'see reprise config print --help for what it can say'
  return new CommandError(
    { what: `cannot use the config file ${path}`, why, next, exitCode: ExitCode.usage },
    { cause },
  )
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
