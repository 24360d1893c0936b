/**
 * The configuration of this run: for each option the value that counts and where it came from.
 *
 * ```
 *  flags  >  REPRISE_*  >  config file  >  defaults
 * ```
 *
 * Everything that was given is checked, also what another source overrides: a mistake is found when it is made, and not when
 * the flag above it is removed.
 */
import { CommandError, ExitCode } from '../failure.ts'
import { type ConfigFile, isRecord, readConfigFile } from './config-file.ts'
import {
  type ConfigOption,
  type ConfigValues,
  flagOf,
  OPTION_NAMES,
  OPTIONS,
  type OptionName,
  variableOf,
} from './options.ts'
import { closest } from './suggest.ts'
import { ValueError } from './values.ts'

/** Where a value came from. */
export type Origin = 'default' | 'config file' | 'environment' | 'flag'

export interface Setting<Name extends OptionName = OptionName> {
  readonly name: Name
  readonly value: ConfigValues[Name]
  readonly origin: Origin
  /** The flag, variable or file, for people. */
  readonly where: string
}

export interface ConfigSources {
  /** The texts of flags, by option. A list has one for each time it was given. */
  readonly flags: ReadonlyMap<OptionName, readonly string[]>
  /** `--config FILE` */
  readonly file: string | undefined
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

export class Config {
  readonly #settings: ReadonlyMap<OptionName, Setting>
  /** Mistakes that do not keep anything from working, one line each. */
  readonly warnings: readonly string[]

  constructor(settings: ReadonlyMap<OptionName, Setting>, warnings: readonly string[]) {
    this.#settings = settings
    this.warnings = warnings
  }

  get<Name extends OptionName>(name: Name): ConfigValues[Name] {
    return this.setting(name).value
  }

  setting<Name extends OptionName>(name: Name): Setting<Name> {
    return this.#settings.get(name) as Setting<Name>
  }

  /** All of them, in the order of the table. */
  get settings(): readonly Setting[] {
    return [...this.#settings.values()]
  }
}

/**
 * Read all sources.
 * @throws CommandError (exit code 2) that names the option, where it was given, and what would be right.
 */
export async function loadConfig(sources: ConfigSources): Promise<Config> {
  const file = await readConfigFile(sources.file ?? sources.env['REPRISE_CONFIG'], sources)
  const data = file === undefined ? new Map<OptionName, unknown>() : flatten(file)
  const settings = new Map<OptionName, Setting>()
  for (const name of OPTION_NAMES) settings.set(name, settle(name, sources, file?.path, data.get(name)))
  return new Config(settings, unknownVariables(sources.env))
}

function settle<Name extends OptionName>(
  name: Name,
  { flags, env }: ConfigSources,
  file: string | undefined,
  data: unknown,
): Setting<Name> {
  // The table is typed by name, which is lost where the name varies.
  const option = OPTIONS[name] as ConfigOption<ConfigValues[Name]>
  let setting: Setting<Name> = { name, value: option.default, origin: 'default', where: 'default' }
  if (data !== undefined && file !== undefined) {
    const value = read(name, file, data, () => option.kind.fromData(data))
    setting = { name, value, origin: 'config file', where: file }
  }
  const variable = variableOf(name)
  const inEnvironment = env[variable]
  // An empty variable is one that was unset where that is all one can do, as in a Compose file.
  if (inEnvironment !== undefined && inEnvironment !== '') {
    const value = read(name, variable, inEnvironment, () => option.kind.fromText(inEnvironment))
    setting = { name, value, origin: 'environment', where: variable }
  }
  const given = flags.get(name)
  if (given !== undefined) {
    const text = given.join(',')
    const value = read(name, flagOf(name), text, () => option.kind.fromText(text))
    setting = { name, value, origin: 'flag', where: flagOf(name) }
  }
  return setting
}

function read<Value>(name: OptionName, where: string, given: unknown, parse: () => Value): Value {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof ValueError)) throw cause
    const shown = OPTIONS[name].secretFile === undefined ? `, not ${JSON.stringify(given)}` : ''
    throw new CommandError(
      { what: `${where}: ${name} must be ${cause.expected}${shown}`, exitCode: ExitCode.usage },
      { cause },
    )
  }
}

/** The file's values by option name. @throws CommandError for a key that is no option. */
function flatten({ path, data }: ConfigFile): Map<OptionName, unknown> {
  const values = new Map<OptionName, unknown>()
  const visit = (node: Readonly<Record<string, unknown>>, prefix: string): void => {
    for (const [key, value] of Object.entries(node)) {
      const name = OPTION_NAMES.find((known) => known === prefix + key)
      if (name !== undefined) values.set(assertMayBeInFile(name, path), value)
      else if (isRecord(value) && isGroup(prefix + key)) visit(value, `${prefix}${key}.`)
      else if (key !== '$schema' || prefix !== '') throw unknownKey(prefix + key, path)
    }
  }
  visit(data, '')
  return values
}

function assertMayBeInFile(name: OptionName, path: string): OptionName {
  const { secretFile } = OPTIONS[name]
  if (secretFile === undefined) return name
  throw new CommandError({
    what: `${path}: ${name} has no place in a config file`,
    why: 'such files are shared and committed',
    next: `put it into a file of its own with mode 0600 and name that: ${secretFile}; or set ${variableOf(name)}`,
    exitCode: ExitCode.usage,
  })
}

function isGroup(name: string): boolean {
  return OPTION_NAMES.some((known) => known.startsWith(`${name}.`))
}

function unknownKey(key: string, path: string): CommandError {
  const like = closest(key, [...OPTION_NAMES])
  return new CommandError({
    what: `${path}: there is no option ${key}`,
    next: like === undefined ? 'see reprise config print for all of them' : `did you mean ${like}?`,
    exitCode: ExitCode.usage,
  })
}

/**
 * Variables that look like a mistyped option. Only those, and only a warning: other programs name variables too, as
 * Kubernetes does for a service that is called reprise.
 */
function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = OPTION_NAMES.map(variableOf)
  return Object.keys(env).flatMap((variable) => {
    if (!variable.startsWith('REPRISE_') || known.includes(variable)) return []
    const like = closest(
      variable.slice('REPRISE_'.length),
      known.map((name) => name.slice('REPRISE_'.length)),
    )
    if (like === undefined || OTHER_VARIABLES.has(variable)) return []
    return [`${variable} is no option; did you mean REPRISE_${like}?`]
  })
}

/** What is read elsewhere. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['REPRISE_CONFIG', 'REPRISE_DEBUG'])
