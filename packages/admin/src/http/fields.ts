/** The fields of a body, by name and kind, and none besides: a misspelt one is refused instead of ignored. */
import { UsageError } from '@reprise/core'
import type { JsonObject } from '../options.ts'
import { isObject } from './body.ts'

export class Fields {
  readonly #body: JsonObject

  /** @throws UsageError for a field that is not known. */
  constructor(body: JsonObject, known: readonly string[]) {
    const unknown = Object.keys(body).find((name) => !known.includes(name))
    if (unknown !== undefined)
      throw new UsageError(`the body has an unknown field; known are ${known.join(', ') || 'none'}`)
    this.#body = body
  }

  number(name: string): number | undefined {
    const value = this.#body[name]
    if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
    throw new UsageError(`${name} must be a number`)
  }

  boolean(name: string): boolean {
    const value = this.#body[name] ?? false
    if (typeof value === 'boolean') return value
    throw new UsageError(`${name} must be true or false`)
  }

  text(name: string): string | undefined {
    const value = this.#body[name]
    if (value === undefined || typeof value === 'string') return value
    throw new UsageError(`${name} must be text`)
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.#body[name]
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value
    throw new UsageError(`${name} must be a list of texts`)
  }

  object(name: string): JsonObject | undefined {
    const value = this.#body[name]
    if (value === undefined || isObject(value)) return value
    throw new UsageError(`${name} must be an object`)
  }
}
