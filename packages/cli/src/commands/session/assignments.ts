/** `name=value` as the command line has it, as the portions of a request: text or JSON, some of it from stdin. */
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { CommandError, ExitCode } from '../../failure.ts'

export interface AssignmentOptions {
  /** Values are JSON; otherwise text. */
  readonly isJson: boolean
  /** Names of portions to remove. */
  readonly remove: readonly string[]
  /** What `name=-` reads, at most once. */
  readonly input: Readable
}

/** By name; null removes. @throws CommandError (exit code 2) */
export async function readAssignments(
  assignments: readonly string[],
  { isJson, remove, input }: AssignmentOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const portions = new Map<string, unknown>(remove.map((name) => [name, null]))
  let wasRead = false
  for (const assignment of assignments) {
    const [, name, given] = /^([^=]+)=(.*)$/s.exec(assignment) ?? []
    if (name === undefined || given === undefined) throw wrong(`${assignment} is not name=value`)
    if (portions.has(name)) throw wrong(`portion ${name} is given twice`)
    if (given === '-' && wasRead) throw wrong('stdin can be read for one portion only')
    wasRead ||= given === '-'
    // An editor, or echo, ends the line.
    const value = given === '-' ? (await text(input)).replace(/\r?\n$/, '') : given
    portions.set(name, isJson ? parseJson(name, value) : value)
  }
  if (portions.size === 0) throw wrong('there is nothing to set')
  return Object.fromEntries(portions)
}

function parseJson(name: string, value: string): unknown {
  try {
    return JSON.parse(value)
  } catch (cause) {
    // The parser's message quotes the value.
    throw wrong(`the value of ${name} is no JSON`, cause)
  }
}

function wrong(what: string, cause?: unknown): CommandError {
  const next = 'reprise session set ID name=value …, where name=- reads stdin'
  return new CommandError({ what, next, exitCode: ExitCode.usage }, { cause })
}
