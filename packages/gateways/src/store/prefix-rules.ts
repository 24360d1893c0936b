/**
 * Which keys a gateway serves: those that begin with a prefix of `serve` (all, when there is none), but for those that begin
 * with one of `refuse`. A key that is not served is not there for who reads, because a terminator may fail over an error;
 * who writes it is told.
 */
import { Buffer } from 'node:buffer'
import { UsageError } from '@reprise/core'
import { KEY_BYTES_MAX_BARE, PREFIX_RULES_MAX } from '../constants.ts'

export class PrefixRules {
  readonly #served: readonly string[] | undefined
  readonly #refused: readonly string[]

  /** @throws UsageError */
  constructor(served: readonly string[] | undefined, refused: readonly string[]) {
    this.#served = served === undefined ? undefined : toLatin1('serve', served)
    this.#refused = toLatin1('refuse', refused)
  }

  /** @param key its bytes as Latin-1 text. */
  serves(key: string): boolean {
    for (const prefix of this.#refused) if (key.startsWith(prefix)) return false
    return this.#served === undefined || this.#served.some((prefix) => key.startsWith(prefix))
  }
}

function toLatin1(option: string, prefixes: readonly string[]): string[] {
  if (prefixes.length > PREFIX_RULES_MAX) throw new UsageError(`${option}: at most ${PREFIX_RULES_MAX} prefixes`)
  return prefixes.map((prefix) => {
    const bytes = Buffer.from(prefix, 'utf8')
    const isText = prefix.isWellFormed() && bytes.length >= 1 && bytes.length <= KEY_BYTES_MAX_BARE
    if (!isText) throw new UsageError(`${option}: a prefix is text of 1 to ${KEY_BYTES_MAX_BARE} bytes`)
    return bytes.toString('latin1')
  })
}
