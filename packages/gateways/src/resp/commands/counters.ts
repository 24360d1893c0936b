/** Values that count: `INCR`, `DECR`, `INCRBY`, `DECRBY`, `INCRBYFLOAT`. The end that a key has stays. */
import type { Answer, Change, Entry } from '../../store/key-value.ts'
import { INT64_MAX, INT64_MIN, integerOf, textOf } from '../arguments.ts'
import { type Command, type Context, ONE_KEY, whenHere } from '../command.ts'
import { addDecimals, type Decimal, formatDecimal, parseDecimal } from '../decimal.ts'
import { notAFloat, RespCommandError } from '../errors.ts'

const shared = {
  flags: ['write', 'denyoom', 'fast'],
  keys: ONE_KEY,
  categories: [],
  group: 'string',
} as const

export const incr: Command = {
  ...shared,
  name: 'incr',
  arity: 2,
  summary: 'Add one',
  since: '1.0.0',
  run: (context, [, key]) => add(context, key as Buffer, 1n),
}

export const decr: Command = {
  ...shared,
  name: 'decr',
  arity: 2,
  summary: 'Take one away',
  since: '1.0.0',
  run: (context, [, key]) => add(context, key as Buffer, -1n),
}

export const incrby: Command = {
  ...shared,
  name: 'incrby',
  arity: 3,
  summary: 'Add a whole number',
  since: '1.0.0',
  run: (context, [, key, by]) => add(context, key as Buffer, integerOf(by as Buffer)),
}

export const decrby: Command = {
  ...shared,
  name: 'decrby',
  arity: 3,
  summary: 'Take a whole number away',
  since: '1.0.0',
  run: (context, [, key, by]) => {
    const amount = integerOf(by as Buffer)
    if (amount === INT64_MIN) throw new RespCommandError('ERR decrement would overflow')
    return add(context, key as Buffer, -amount)
  },
}

export const incrbyfloat: Command = {
  ...shared,
  name: 'incrbyfloat',
  arity: 3,
  summary: 'Add a decimal fraction',
  since: '2.6.0',
  run: ({ store, reply }, [, key, by]) => {
    const answer = store.update(key as Buffer, (entry) => {
      const present = entry === undefined ? ZERO : decimalOf(entry.value)
      const result = formatDecimal(addDecimals(present, decimalOf(by as Buffer)))
      return { result, change: counted(entry, result) }
    })
    return whenHere(answer, (result) => reply.bulk(result))
  },
}

function add({ store, reply }: Context, key: Buffer, amount: bigint): Answer<void> {
  const answer = store.update(key, (entry) => {
    const result = (entry === undefined ? 0n : integerOf(entry.value)) + amount
    if (result > INT64_MAX || result < INT64_MIN) {
      throw new RespCommandError('ERR increment or decrement would overflow')
    }
    return { result, change: counted(entry, String(result)) }
  })
  return whenHere(answer, (result) => reply.integer(result))
}

function counted(entry: Entry | undefined, value: string): Change {
  return { kind: 'write', value: Buffer.from(value), flags: entry?.flags ?? 0, expiry: 'keep' }
}

/** @throws RespCommandError when it is no decimal number. */
function decimalOf(bytes: Uint8Array): Decimal {
  const decimal = parseDecimal(textOf(bytes))
  if (decimal === undefined) throw notAFloat()
  return decimal
}

const ZERO: Decimal = { digits: 0n, scale: 0 }
