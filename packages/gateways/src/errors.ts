/** The errors of the gateways. Each protocol has its own words for them, chosen by `code`. */
import { RepriseError } from '@reprise/core'

/**
 * Why an operation was refused.
 *
 * - `KEY_INVALID`: no bytes, or more than a key may have.
 * - `KEY_REFUSED`: keys like this are not served (`serve`, `refuse`). Only writes say so; reading finds nothing.
 * - `VALUE_TOO_LARGE`: more bytes than a value may have.
 * - `STORE_UNAVAILABLE`: the node stops, has no room, or reached nobody who takes a large value. Nothing was stored.
 */
export type GatewayFailure = 'KEY_INVALID' | 'KEY_REFUSED' | 'VALUE_TOO_LARGE' | 'STORE_UNAVAILABLE'

/** Thrown by the operations of a `KeyValueStore`. Narrow it on `code`. */
export class GatewayError extends RepriseError {
  declare readonly code: GatewayFailure
}

/** Thrown when a key has no bytes, or too many. */
export class KeyError extends GatewayError {
  readonly byteLength: number
  readonly byteLengthMax: number

  constructor(byteLength: number, byteLengthMax: number) {
    super('KEY_INVALID', `a key has 1 to ${byteLengthMax} bytes, not ${byteLength}`)
    this.byteLength = byteLength
    this.byteLengthMax = byteLengthMax
  }
}

/** Thrown by writes of keys that this gateway was told not to serve. */
export class KeyRefusedError extends GatewayError {
  constructor() {
    super('KEY_REFUSED', 'keys with this prefix are not served here')
  }
}

/** Thrown when a value has too many bytes. */
export class ValueTooLargeError extends GatewayError {
  readonly byteLength: number
  readonly byteLengthMax: number

  constructor(byteLength: number, byteLengthMax: number) {
    super('VALUE_TOO_LARGE', `a value has at most ${byteLengthMax} bytes, not ${byteLength}`)
    this.byteLength = byteLength
    this.byteLengthMax = byteLengthMax
  }
}

/** Thrown when the node could not take a write; `cause` says why. */
export class StoreUnavailableError extends GatewayError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_UNAVAILABLE', message, options)
  }
}
