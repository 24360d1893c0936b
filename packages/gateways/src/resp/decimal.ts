/**
 * Decimal fractions for `INCRBYFLOAT`, exact: a number is `digits · 10^-scale`.
 *
 * Redis adds in 80-bit floating point and shows 17 places. Sums that fit its 64 binary digits are the same here; others are
 * exact here and rounded there.
 */

export interface Decimal {
  readonly digits: bigint
  /** Places behind the point, not negative. */
  readonly scale: number
}

/** Read `1`, `-.5`, `+3.`, `1e-3`; undefined for anything else, infinities included. */
export function parseDecimal(text: string): Decimal | undefined {
  const [, sign, whole = '', fraction = '', exponentText = '0'] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?$/.exec(text) ?? []
  const exponent = Number(exponentText)
  if (sign === undefined || whole.length + fraction.length === 0) return undefined
  if (text.length > DIGITS_MAX || Math.abs(exponent) > EXPONENT_MAX) return undefined
  const digits = BigInt(`${sign}${whole}${fraction}`)
  const scale = fraction.length - exponent
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 }
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale)
  return { digits: atScale(a, scale) + atScale(b, scale), scale }
}

/** Write it with at most 17 places, rounded half away from zero, without zeros at the end. */
export function formatDecimal(value: Decimal): string {
  const digits = atScale(value, PLACES_MAX)
  const [sign, magnitude] = digits < 0n ? ['-', -digits] : ['', digits]
  const text = magnitude.toString().padStart(PLACES_MAX + 1, '0')
  const fraction = text.slice(-PLACES_MAX).replace(/0+$/, '')
  return `${sign}${text.slice(0, -PLACES_MAX)}${fraction === '' ? '' : `.${fraction}`}`
}

function atScale({ digits, scale }: Decimal, to: number): bigint {
  if (to >= scale) return digits * 10n ** BigInt(to - scale)
  const unit = 10n ** BigInt(scale - to)
  const half = digits < 0n ? -unit / 2n : unit / 2n
  return (digits + half) / unit
}

/** What Redis shows behind the point. */
const PLACES_MAX = 17
/** Characters of a number, and its power of ten: what an 80-bit number can be, so that nobody makes us multiply for long. */
const DIGITS_MAX = 256
const EXPONENT_MAX = 4_932
