/** What a shell needs to know of the commands: their names, options and arguments, without anything that is hidden. */
import type { Command } from 'commander'

export type Suggested = Readonly<Record<string, readonly string[]>>

export interface CompletionNode {
  readonly name: string
  /** One line for people. */
  readonly help: string
  readonly options: readonly CompletionOption[]
  /** The values of its first argument, where they are a handful. */
  readonly choices: readonly string[]
  readonly commands: readonly CompletionNode[]
}

export interface CompletionOption {
  /** `-n`, `--nodes` */
  readonly flags: readonly string[]
  readonly help: string
  /** What follows it: nothing, one of some values, a file, a directory, or anything. */
  readonly value: 'none' | 'choice' | 'file' | 'dir' | 'any'
  readonly choices: readonly string[]
}

/**
 * @param suggested values of a first argument that may have others, too, by the names that lead to its command: `'chaos run'`.
 */
export function commandTree(command: Command, suggested: Suggested = {}, path: readonly string[] = []): CompletionNode {
  const help = command.createHelp()
  return {
    name: command.name(),
    help: command.description(),
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.short, option.long].filter((flag): flag is string => typeof flag === 'string'),
      help: option.description,
      value: valueKindOf(option.flags, option.argChoices),
      choices: option.argChoices ?? [],
    })),
    choices: command.registeredArguments[0]?.argChoices ?? suggested[path.join(' ')] ?? [],
    commands: help.visibleCommands(command).map((child) => commandTree(child, suggested, [...path, child.name()])),
  }
}

function valueKindOf(flags: string, choices: readonly string[] | undefined): CompletionOption['value'] {
  const [, placeholder] = /[<[]([^>\]]+)[>\]]/.exec(flags) ?? []
  if (placeholder === undefined) return 'none'
  if (choices !== undefined) return 'choice'
  return placeholder === 'file' || placeholder === 'dir' ? placeholder : 'any'
}
