/** The table's options as flags of a command. */
import { type Command, Option } from 'commander'
import { type Config, loadConfig } from './config.ts'
import { flagOf, OPTION_NAMES, OPTIONS, type OptionName, variableOf } from './options.ts'

/**
 * Give a command a flag for each of these options, and `--config`. Secrets have none.
 * @param helps what an option is for this command, where that is not what it is for a node.
 */
export function addConfigFlags(
  command: Command,
  names: readonly OptionName[] = OPTION_NAMES,
  helps: Partial<Record<OptionName, string>> = {},
): Command {
  for (const name of names) {
    const { kind, help, secretFile } = OPTIONS[name]
    if (secretFile !== undefined) continue
    const option = new Option(`${flagOf(name)} ${kind.placeholder}`, helps[name] ?? `${help}${defaultOf(name)}`)
    if (kind.choices !== undefined) option.choices(kind.choices)
    // Read as text; the config reads all sources the same way. A list is given once for each.
    option.argParser((text, before: readonly string[] | undefined) =>
      kind.isList === true ? [...(before ?? []), text] : [text],
    )
    command.addOption(option)
  }
  return command.addOption(new Option('--config <file>', 'the config file; reprise.config.json, .ts or .js here'))
}

/** The configuration with the flags that this command was given. Warnings go to stderr. @throws CommandError */
export async function configOf(command: Command): Promise<Config> {
  const flags = new Map<OptionName, readonly string[]>()
  for (const name of OPTION_NAMES) {
    const given: unknown = command.getOptionValue(new Option(flagOf(name)).attributeName())
    if (Array.isArray(given)) flags.set(name, given.map(String))
  }
  const file: unknown = command.getOptionValue('config')
  const config = await loadConfig({
    flags,
    file: typeof file === 'string' ? file : undefined,
    env: process.env,
    cwd: process.cwd(),
  })
  for (const warning of config.warnings) console.error(`reprise: ${warning}`)
  return config
}

/** `{ secret: 'REPRISE_SECRET' }`: what only the environment says, for the help. */
export function secretLines(): string[] {
  return OPTION_NAMES.filter((name) => OPTIONS[name].secretFile !== undefined).map(
    (name) => `  ${variableOf(name).padEnd(22)} ${OPTIONS[name].help}`,
  )
}

function defaultOf(name: OptionName): string {
  const { kind, default: value } = OPTIONS[name] as { kind: { show(value: unknown): string }; default: unknown }
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return ''
  return ` (default: ${kind.show(value)})`
}
