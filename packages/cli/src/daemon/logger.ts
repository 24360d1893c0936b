/**
 * The log of a node: its output, so it goes to stdout. JSON lines by pino for whoever collects them; on a terminal lines for
 * people. Written at once, line by line: what was said before the process died was the reason.
 */
import { styleText } from 'node:util'
import type { Logger } from '@reprise/node'
import { pino, stdTimeFunctions } from 'pino'

export type LogLevel = keyof Logger

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'text'
  /** In every line of JSON. */
  readonly name: string | undefined
}

/** A logger that writes to stdout. */
export function createLogger({ level, format, name }: LoggerOptions): Logger {
  return format === 'json' ? jsonLogger(level, name) : textLogger(level, (line) => process.stdout.write(line))
}

function jsonLogger(level: LogLevel, name: string | undefined): Logger {
  const log = pino(
    {
      level,
      base: { ...(name !== undefined && { node: name }), pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: plainError },
      // Nobody logs these; it shall stay so when somebody forgets.
      redact: ['id', '*.id', 'secret', '*.secret', 'token', '*.token', 'value', '*.value'],
    },
    pino.destination({ dest: process.stdout.fd, sync: true }),
  )
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  }
}

/** Lines for people: `12:03:04.567  warn   member:down  name=node-2 reason=dead`. */
export function textLogger(level: LogLevel, write: (line: string) => void): Logger {
  const least = LEVELS.indexOf(level)
  const at = (which: LogLevel): Logger[LogLevel] => {
    if (LEVELS.indexOf(which) < least) return () => {}
    const label = styleText(STYLES[which], which.padEnd(5), { stream: process.stdout })
    return (message, fields = {}) => {
      const time = new Date().toISOString().slice(11, 23)
      const details = Object.entries(fields).map(([name, value]) => `${name}=${showField(plainError(value))}`)
      write(`${[time, label, message, details.join(' ')].join('  ').trimEnd()}\n`)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
const STYLES = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const

function showField(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}

/** An error by what it says; a stack helps nobody who runs a node. */
function plainError(value: unknown): unknown {
  return value instanceof Error ? value.message : value
}
