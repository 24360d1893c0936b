/** The options that `SET` and `GETEX` share: when the key ends, and for `SET` on what condition and with which reply. */
import type { Expiry } from '../store/key-value.ts'
import { expiryOf, TIME_OPTIONS, type TimeUnit, wordOf } from './arguments.ts'
import { syntaxError } from './errors.ts'
import type { Request } from './reader.ts'

export type Condition = 'always' | 'absent' | 'present'

export interface StringOptions {
  readonly condition: Condition
  /** The reply is what the key had. */
  readonly returnsOld: boolean
  /** `KEEPTTL` or `PERSIST`: what becomes of the end that there is. */
  readonly present: 'keep' | 'take' | undefined
  /** A time that was given, not looked at yet. */
  readonly time: { readonly unit: TimeUnit; readonly argument: Buffer } | undefined
}

/**
 * Read the options from an argument on. A word may stand twice, and the last time counts; but times exclude each other.
 * @throws RespCommandError
 */
export function readStringOptions(request: Request, from: number, command: 'set' | 'getex'): StringOptions {
  const isSet = command === 'set'
  let options = NO_OPTIONS
  for (let at = from; at < request.length; at++) {
    const word = wordOf(request[at] as Buffer)
    const { condition, present, time } = options
    const unit = TIME_OPTIONS.get(word)
    const argument = request[at + 1]
    if (isSet && word === 'NX' && condition !== 'present') options = { ...options, condition: 'absent' }
    else if (isSet && word === 'XX' && condition !== 'absent') options = { ...options, condition: 'present' }
    else if (isSet && word === 'GET') options = { ...options, returnsOld: true }
    else if (isSet && word === 'KEEPTTL' && time === undefined) options = { ...options, present: 'keep' }
    else if (!isSet && word === 'PERSIST' && time === undefined) options = { ...options, present: 'take' }
    else if (unit !== undefined && argument !== undefined && present === undefined && (time?.unit ?? unit) === unit) {
      options = { ...options, time: { unit, argument } }
      at++
    } else throw syntaxError()
  }
  return options
}

/** When the key shall end, if a time was given. @throws RespCommandError */
export function expiryIn({ time }: StringOptions, command: string, nowUnixMs: number): Expiry | undefined {
  return time && expiryOf(time.argument, time.unit, command, nowUnixMs)
}

const NO_OPTIONS: StringOptions = { condition: 'always', returnsOld: false, present: undefined, time: undefined }
