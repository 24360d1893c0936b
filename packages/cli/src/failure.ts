/**
 * How a command fails: an exit code for scripts, and for people what went wrong, why, and what to do next.
 *
 * A command throws a `CommandError` for what it expects. `explain` makes the same three lines of whatever else comes up;
 * errors of the packages below are known by their `code`, so that this file imports none of them and a wrong option is
 * answered at once.
 */
import { constants } from 'node:os'

/** What a process that ran `reprise` ends with, unless a signal ended it: then it is 128 and the signal's number. */
export const ExitCode = {
  ok: 0,
  /** It did not work. */
  failure: 1,
  /** The command was not understood. */
  usage: 2,
  /** Somebody who is needed cannot be reached. */
  unreachable: 3,
  /** It took too long. */
  timeout: 4,
  /** What Reprise promises was seen broken, for instance a session was lost. */
  invariant: 5,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** What a person reads when something failed. */
export interface Explanation {
  readonly what: string
  readonly why?: string | undefined
  readonly next?: string | undefined
  readonly exitCode: ExitCode
}

/** Thrown when a command cannot do what it was asked for. */
export class CommandError extends Error {
  readonly why: string | undefined
  readonly next: string | undefined
  readonly exitCode: ExitCode
  /** What a node called it, for the few that a command answers by itself. */
  readonly code: string | undefined

  constructor(
    { what, why, next, exitCode, code }: Explanation & { readonly code?: string | undefined },
    options?: ErrorOptions,
  ) {
    super(what, options)
    this.name = 'CommandError'
    this.code = code
    this.why = why
    this.next = next
    this.exitCode = exitCode
  }
}

/** Thrown when the person or the system asked the command to end before it was done. Nothing is printed for it. */
export class InterruptedError extends Error {
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`)
    this.name = 'InterruptedError'
    this.signal = signal
  }
}

/** The exit code for a signal, as shells have it: 130 for ^C. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/** What to tell a person about anything that was thrown. */
export function explain(error: unknown): Explanation {
  if (error instanceof CommandError) {
    return { what: error.message, why: error.why, next: error.next, exitCode: error.exitCode }
  }
  if (!(error instanceof Error)) return unexpected(String(error))
  const code = 'code' in error ? error.code : undefined
  const [exitCode, next] = KNOWN_CODES.get(code) ?? []
  if (exitCode === undefined) return unexpected(`${error.name}: ${error.message}`)
  return { what: error.message, why: causes(error), next, exitCode }
}

/** The lines for stderr, without colours. */
export function explanationLines({ what, why, next }: Explanation): string[] {
  const lines = [`reprise: ${what}`]
  if (why !== undefined) lines.push(`  why:  ${why}`)
  if (next !== undefined) lines.push(`  next: ${next}`)
  return lines
}

/** Codes of Reprise's own errors and of the system's, with what to do. */
const KNOWN_CODES: ReadonlyMap<unknown, readonly [ExitCode, string | undefined]> = new Map([
  ['USAGE', [ExitCode.usage, 'see reprise --help']],
  ['SCENARIO', [ExitCode.usage, 'change the scenario, or the options that do not go with it']],
  ['UNSUPPORTED', [ExitCode.usage, 'choose another --backend; reprise chaos list shows which can']],
  ['LISTEN', [ExitCode.failure, 'choose another port, or end the process that has it']],
  ['EADDRINUSE', [ExitCode.failure, 'choose another port, or end the process that has it']],
  ['EACCES', [ExitCode.failure, 'check the permissions of the file or port named above']],
  ['EMFILE', [ExitCode.failure, 'allow more open files: ulimit -n 4096']],
  ['ENOSPC', [ExitCode.failure, 'make room in the directory for temporary files']],
  ['ECONNREFUSED', [ExitCode.unreachable, 'is it running, and is this its port?']],
  ['ECONNRESET', [ExitCode.unreachable, 'the other side went away; look at its log']],
  ['UNAVAILABLE', [ExitCode.unreachable, 'try again; if it stays so, look at the members']],
  ['TIMEOUT', [ExitCode.timeout, 'try again; if it stays so, look at the members']],
])

function causes(error: Error): string | undefined {
  return error.cause instanceof Error ? error.cause.message : undefined
}

function unexpected(what: string): Explanation {
  return {
    what,
    why: 'this should not happen',
    next: 'run it again with --debug and report what it prints',
    exitCode: ExitCode.failure,
  }
}
