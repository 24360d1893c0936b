/** When keys end: `EXPIRE` and its kin, `TTL`, `PTTL`, `PERSIST`. */
import type { Answer, Decision, Entry } from '../../store/key-value.ts'
import { integerOf, type TimeUnit, textOf, unixMsOf } from '../arguments.ts'
import { type Command, type Context, ONE_KEY, whenHere } from '../command.ts'
import { RespCommandError } from '../errors.ts'
import type { Request } from '../reader.ts'

const shared = { keys: ONE_KEY, categories: [], group: 'generic' } as const

export const expire: Command = expires('expire', '1.0.0', { unitMs: 1_000n, isAbsolute: false })
export const pexpire: Command = expires('pexpire', '2.6.0', { unitMs: 1n, isAbsolute: false })
export const expireat: Command = expires('expireat', '1.2.0', { unitMs: 1_000n, isAbsolute: true })
export const pexpireat: Command = expires('pexpireat', '2.6.0', { unitMs: 1n, isAbsolute: true })

export const ttl: Command = remains('ttl', '1.0.0', 'seconds', (ms) => Math.floor((ms + 500) / 1_000))
export const pttl: Command = remains('pttl', '2.6.0', 'milliseconds', (ms) => Math.round(ms))

export const persist: Command = {
  ...shared,
  name: 'persist',
  arity: 2,
  flags: ['write', 'fast'],
  summary: 'Take the end from a key',
  since: '2.2.0',
  run: ({ store, reply }, [, key]) => {
    const answer = store.update(key as Buffer, (entry) => {
      if (entry?.ttlMs === undefined) return { result: 0 }
      return { result: 1, change: { kind: 'expire', expiry: 'none' } }
    })
    return whenHere(answer, (done) => reply.integer(done))
  },
}

function expires(name: string, since: string, unit: TimeUnit): Command {
  const { unitMs, isAbsolute } = unit
  const run = ({ store, reply, facts }: Context, request: Request): Answer<void> => {
    const conditions = readConditions(request.slice(3))
    const nowUnixMs = facts.nowUnixMs()
    const atUnixMs = unixMsOf(integerOf(request[2] as Buffer), unit, name, nowUnixMs)
    const answer = store.update(request[1] as Buffer, (entry): Decision<number> => {
      if (entry === undefined || !allows(conditions, entry, Number(atUnixMs) - nowUnixMs)) return { result: 0 }
      return { result: 1, change: { kind: 'expire', expiry: { atUnixMs: Number(atUnixMs) } } }
    })
    return whenHere(answer, (done) => reply.integer(done))
  }
  const summary = `End a key ${isAbsolute ? 'at a time given in' : 'after some'} ${unitMs === 1n ? 'milliseconds' : 'seconds'}`
  return { ...shared, name, arity: -3, flags: ['write', 'fast'], summary, since, run }
}

function remains(name: string, since: string, unit: string, inUnit: (ms: number) => number): Command {
  return {
    ...shared,
    name,
    arity: 2,
    flags: ['readonly', 'fast'],
    summary: `How many ${unit} a key has left; -1: no end; -2: no key`,
    since,
    run: ({ store, reply }, [, key]) =>
      whenHere(store.get(key as Buffer), (entry) => {
        if (entry === undefined) reply.integer(NO_KEY)
        else reply.integer(entry.ttlMs === undefined ? NO_END : inUnit(entry.ttlMs))
      }),
  }
}

type Condition = 'NX' | 'XX' | 'GT' | 'LT'

/** @throws RespCommandError */
function readConditions(words: readonly Uint8Array[]): ReadonlySet<Condition> {
  const conditions = new Set<Condition>()
  for (const given of words) {
    const word = textOf(given)
    const condition = CONDITIONS.find((known) => known === word.toUpperCase())
    if (condition === undefined) throw new RespCommandError(`ERR Unsupported option ${word}`)
    conditions.add(condition)
  }
  if (conditions.has('NX') && conditions.size > 1) throw new RespCommandError(NX_ALONE)
  if (conditions.has('GT') && conditions.has('LT')) throw new RespCommandError(GT_OR_LT)
  return conditions
}

/** A key without an end ends later than any. */
function allows(conditions: ReadonlySet<Condition>, { ttlMs }: Entry, afterMs: number): boolean {
  if (conditions.has('NX') && ttlMs !== undefined) return false
  if (conditions.has('XX') && ttlMs === undefined) return false
  if (conditions.has('GT') && (ttlMs === undefined || afterMs <= ttlMs)) return false
  return !(conditions.has('LT') && ttlMs !== undefined && afterMs >= ttlMs)
}

const CONDITIONS: readonly Condition[] = ['NX', 'XX', 'GT', 'LT']
const NX_ALONE = 'ERR NX and XX, GT or LT options at the same time are not compatible'
const GT_OR_LT = 'ERR GT and LT options at the same time are not compatible'
const NO_END = -1
const NO_KEY = -2
