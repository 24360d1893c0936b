/**
 * Typed portions: a name, a shape, and a version of both.
 *
 * ```
 *  0      version:u8    of the portion's shape, 1 to 255
 *  1-     the value     CBOR (cbor.ts), unless the portion has an encoding of its own
 * ```
 *
 * To everybody who does not know the portion this is bytes, so that nodes and programs of different age share a cluster.
 * What is read is checked as what is set is: neither a peer nor an earlier version of the same program is trusted. A value
 * of an older version is upgraded at each read and stays as it is until it is set again; one of a newer version is refused.
 */
import { Buffer } from 'node:buffer'
import type { PortionCodec, PortionValue } from '@reprise/core'
import { PORTION_NAME_BYTES_MAX, UsageError, Writer } from '@reprise/core'
import { PORTION_VERSION_MAX } from '../constants.ts'
import { PortionError } from '../errors.ts'
import { decodeData, writeData } from './cbor.ts'
import { type Path, type Shape, ShapeError } from './shape.ts'
import { type StandardSchema, shapeOfSchema } from './standard-schema.ts'

/** What makes a typed portion. */
export interface PortionDefinition<Value> {
  /** The portion's name in a session, 1 to 64 bytes. */
  readonly name: string
  /** 1 to 255. Raise it when old programs would misread what is written now; a new optional field needs no new version. */
  readonly version: number
  /** What values look like: of the functions in `shape`, or any Standard Schema that checks at once (zod, valibot, arktype). */
  readonly shape: Shape<Value> | StandardSchema<Value>
  /**
   * Make a value of this version of an older one. Version 0 is a value that was set without a type. The result is checked.
   * Default: older values are refused.
   */
  readonly upgrade?: (value: unknown, version: number) => unknown
  /** Seal values on nodes that have a sealing key, unless `set` is told otherwise. Default false. */
  readonly sealed?: boolean
  /** An encoding of its own, of a checked value. Default CBOR, for plain data and bytes. */
  readonly encode?: (value: Value) => Uint8Array
  /** What `encode` made at that version; the result is checked. May throw anything when it is not. */
  readonly decode?: (bytes: Uint8Array, version: number) => unknown
}

/** The type of a typed portion's values. */
export type ValueOf<Codec> = Codec extends PortionCodec<infer Value> ? Value : never

/**
 * Define a typed portion, to be used in place of a name: `session.set(cart, …)`, `session.get(cart)`.
 *
 * @example
 * ```js
 * const cart = definePortion({
 *   name: 'cart',
 *   version: 2,
 *   shape: shape.object({ skus: shape.list(shape.text({ max: 40 }), { max: 100 }) }),
 *   upgrade: (old) => ({ skus: old.items }), // of version 1, or of what was set untyped
 * })
 * ```
 *
 * @throws UsageError when name or version can never work.
 */
export function definePortion<Value>(definition: PortionDefinition<Value>): PortionCodec<Value> {
  const { name, version, sealed = false } = definition
  const nameBytes = typeof name === 'string' && name.isWellFormed() ? Buffer.byteLength(name) : 0
  if (nameBytes < 1 || nameBytes > PORTION_NAME_BYTES_MAX) {
    throw new UsageError(`a portion's name is text of 1 to ${PORTION_NAME_BYTES_MAX} bytes`)
  }
  if (!Number.isInteger(version) || version < 1 || version > PORTION_VERSION_MAX) {
    throw new UsageError(`portion ${name}: version must be a whole number from 1 to ${PORTION_VERSION_MAX}`)
  }
  return new DefinedPortion(name, version, sealed, definition)
}

class DefinedPortion<Value> implements PortionCodec<Value> {
  readonly name: string
  readonly sealed: boolean
  readonly #version: number
  readonly #definition: PortionDefinition<Value>
  readonly #shape: Shape<Value>
  readonly #root: Path

  constructor(name: string, version: number, sealed: boolean, definition: PortionDefinition<Value>) {
    this.name = name
    this.sealed = sealed
    this.#version = version
    this.#definition = definition
    const { shape } = definition
    this.#shape = 'check' in shape ? shape : shapeOfSchema(shape)
    this.#root = { key: name }
  }

  encode(value: Value): Uint8Array {
    const out = new Writer()
    out.u8(this.#version)
    try {
      const checked = this.#shape.check(value, this.#root)
      if (this.#definition.encode === undefined) writeData(checked, out, this.#root)
      else out.raw(this.#definition.encode(checked))
    } catch (error) {
      throw this.#invalid(error)
    }
    return out.finish()
  }

  decode(stored: PortionValue): Value {
    const version = stored instanceof Uint8Array ? (stored[0] ?? 0) : 0
    const value = stored instanceof Uint8Array ? this.#read(stored, version) : stored
    const current = version === this.#version ? value : this.#upgrade(value, version)
    try {
      return this.#shape.check(current, this.#root)
    } catch (error) {
      throw this.#invalid(error)
    }
  }

  #read(bytes: Uint8Array, version: number): unknown {
    if (version === 0) throw this.#error('PORTION_MALFORMED', 'a version and a value', `${bytes.length} other bytes`)
    if (version > this.#version) {
      throw this.#error(
        'PORTION_VERSION',
        `version ${this.#version} or older`,
        `version ${version}: update this program`,
      )
    }
    const decode = this.#definition.decode ?? decodeData
    try {
      return decode(bytes.subarray(1), version)
    } catch (cause) {
      throw this.#error('PORTION_MALFORMED', `a value of version ${version}`, `${bytes.length} other bytes`, cause)
    }
  }

  #upgrade(value: unknown, version: number): unknown {
    const { upgrade } = this.#definition
    const from = version === 0 ? 'a value that was set without a type' : `version ${version}`
    if (upgrade === undefined) {
      throw this.#error('PORTION_VERSION', `version ${this.#version}: the portion has no upgrade`, from)
    }
    try {
      return upgrade(value, version)
    } catch (cause) {
      throw this.#error('PORTION_VERSION', 'what can be upgraded', `${from} that cannot`, cause)
    }
  }

  #invalid(error: unknown): unknown {
    return error instanceof ShapeError ? new PortionError('PORTION_INVALID', this.name, error.mismatch) : error
  }

  #error(code: PortionError['code'], expected: string, got: string, cause?: unknown): PortionError {
    const options = cause === undefined ? undefined : { cause }
    return new PortionError(code, this.name, { path: this.name, expected, got }, options)
  }
}
