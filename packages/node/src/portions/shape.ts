/**
 * What values look like: small checks that compose, and say where a value differs from what they expect.
 *
 * A shape decides whether a value is one of its kind, and gives back a copy that holds nothing else. The same shape guards
 * both ways: what an application sets, before anything is sent, and what a peer wrote, before an application sees it.
 * Everything in a shape is bounded, because everything in a session is held several times.
 *
 * Fields that a shape does not name are kept: a program that knows less of a portion than the one that wrote it changes
 * what it knows and loses nothing of the rest. So a new optional field needs no new version.
 */
import { isIP } from 'node:net'
import { PORTION_LIST_MAX, PORTION_TEXT_MAX } from '../constants.ts'
import type { PortionMismatch } from '../errors.ts'

/** The way from a portion to a value inside it; text only when somebody has to read it. */
export interface Path {
  readonly parent?: Path
  readonly key: string | number
}

/** A kind of value. Made by the functions of this file; `check` throws for everything else. */
export interface Shape<Value> {
  check(value: unknown, path: Path): Value
}

/** A field that may be left out of its object. */
export interface OptionalShape<Value> extends Shape<Value | undefined> {
  readonly optional: true
}

/** The fields of an object, by name. */
export interface Fields {
  readonly [name: string]: Shape<unknown>
}

/** The values that a shape lets pass. */
export type ShapeValue<S> = S extends Shape<infer Value> ? Value : never

/** An object with these fields: those with an optional shape may be missing. */
export type ObjectValue<F extends Fields> = Flat<
  { readonly [K in keyof F as F[K] extends OptionalShape<unknown> ? never : K]: ShapeValue<F[K]> } & {
    readonly [K in keyof F as F[K] extends OptionalShape<unknown> ? K : never]?: ShapeValue<F[K]>
  }
>

/** An intersection, as the one type that it is. */
export type Flat<T> = { [K in keyof T]: T[K] }

/** Thrown by shapes; a portion makes a `PortionError` of it. */
export class ShapeError extends Error {
  readonly mismatch: PortionMismatch

  constructor(path: Path, expected: string, value: unknown) {
    super(expected)
    this.mismatch = { path: textOfPath(path), expected, got: describe(value) }
  }
}

/** Text of `min` to `max` UTF-16 units, by default 1 to 1,024; with a pattern, `like` says what that means. */
export function text(options: { min?: number; max?: number; pattern?: RegExp; like?: string } = {}): Shape<string> {
  const { min = 1, max = PORTION_TEXT_MAX, pattern, like = `text of ${min} to ${max} characters` } = options
  return {
    check(value, path) {
      const isFine = typeof value === 'string' && value.length >= min && value.length <= max && value.isWellFormed()
      if (isFine && (pattern === undefined || pattern.test(value))) return value
      throw new ShapeError(path, like, value)
    },
  }
}

/** A whole number, by default from 0 to 2^53 - 1. */
export function integer(options: { min?: number; max?: number } = {}): Shape<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options
  return {
    check(value, path) {
      if (Number.isSafeInteger(value) && typeof value === 'number' && value >= min && value <= max) return value
      throw new ShapeError(path, `a whole number from ${min} to ${max}`, value)
    },
  }
}

export const boolean: Shape<boolean> = {
  check(value, path) {
    if (typeof value === 'boolean') return value
    throw new ShapeError(path, 'true or false', value)
  },
}

/** Bytes, `min` to `max` of them. What comes out is a copy. */
export function bytes({ min = 0, max }: { min?: number; max: number }): Shape<Uint8Array> {
  return {
    check(value, path) {
      if (value instanceof Uint8Array && value.length >= min && value.length <= max) return Uint8Array.from(value)
      throw new ShapeError(path, `${min} to ${max} bytes`, value)
    },
  }
}

/** One of these texts. */
export function oneOf<const Choice extends string>(...choices: readonly Choice[]): Shape<Choice> {
  return {
    check(value, path) {
      const choice = choices.find((each) => each === value)
      if (choice !== undefined) return choice
      throw new ShapeError(path, `one of ${choices.join(', ')}`, value)
    },
  }
}

/** An IPv4 or IPv6 address as text, without port or prefix length. */
export const ipAddress: Shape<string> = {
  check(value, path) {
    if (typeof value === 'string' && value.length <= IP_TEXT_MAX && isIP(value) !== 0) return value
    throw new ShapeError(path, 'an IPv4 or IPv6 address', value)
  },
}

/** An instant, in milliseconds since 1970 by some server's clock. Good for people and audits, not for ordering. */
export const instantMs: Shape<number> = integer({ max: 8_640_000_000_000_000 })

/** `min` to `max` values of one kind, by default 0 to 1,000. */
export function list<Item>(item: Shape<Item>, options: { min?: number; max?: number } = {}): Shape<readonly Item[]> {
  const { min = 0, max = PORTION_LIST_MAX } = options
  return {
    check(value, path) {
      const isFine = Array.isArray(value) && value.length >= min && value.length <= max
      if (!isFine) throw new ShapeError(path, `a list of ${min} to ${max}`, value)
      // By index: a hole in a list is a missing value too.
      return Array.from({ length: value.length }, (_, key) => item.check(value[key], { parent: path, key }))
    },
  }
}

/** An object with these fields, and whatever else it has. */
export function object<const F extends Fields>(fields: F): Shape<ObjectValue<F>> {
  const known = Object.entries(fields)
  return {
    check(value, path) {
      const given = plainObject(value, path)
      const checked: Record<string, unknown> = {}
      for (const [key, shape] of known) {
        const field = shape.check(Object.hasOwn(given, key) ? given[key] : undefined, { parent: path, key })
        if (field !== undefined) checked[key] = field
      }
      for (const key of Object.keys(given)) {
        if (key === '__proto__') throw new ShapeError({ parent: path, key }, 'another name for a field', given[key])
        if (!Object.hasOwn(fields, key) && given[key] !== undefined) checked[key] = given[key]
      }
      // Each field was checked by the shape of its name, which is what the type says.
      return checked as ObjectValue<F>
    },
  }
}

/** The field may be left out, or be undefined. */
export function optional<Value>(shape: Shape<Value>): OptionalShape<Value> {
  return {
    optional: true,
    check: (value, path) => (value === undefined ? undefined : shape.check(value, path)),
  }
}

/** A shape with a rule between its fields: `broken` names the field that is wrong, and what it has to be. */
export function rule<Value>(
  shape: Shape<Value>,
  broken: (value: Value) => { readonly field: string; readonly expected: string } | undefined,
): Shape<Value> {
  return {
    check(value, path) {
      const checked = shape.check(value, path)
      const fault = broken(checked)
      if (fault === undefined) return checked
      const wrong: unknown = Reflect.get(Object(checked), fault.field)
      throw new ShapeError({ parent: path, key: fault.field }, fault.expected, wrong)
    },
  }
}

/** @throws ShapeError for everything but objects without a class. */
export function plainObject(value: unknown, path: Path): Readonly<Record<string, unknown>> {
  if (isPlainObject(value)) return value
  throw new ShapeError(path, 'an object', value)
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** As a person would write it: `purchase.items[2].quantity`. */
function textOfPath({ parent, key }: Path): string {
  const before = parent === undefined ? '' : textOfPath(parent)
  if (typeof key === 'number') return `${before}[${key}]`
  if (parent === undefined) return key
  if (/^[A-Za-z_$][\w$]{0,63}$/.test(key)) return `${before}.${key}`
  return `${before}[${JSON.stringify(key.length > 32 ? `${key.slice(0, 32)}…` : key)}]`
}

/** What somebody may know of a value who may not see it. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return `text of ${value.length} characters`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value !== 'object' || isPlainObject(value))
    return `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
  return `a ${value.constructor?.name ?? 'class instance'}`
}

/** The longest IPv6 text has 45 characters; a zone (`%eth0`) comes after it. */
const IP_TEXT_MAX = 64
