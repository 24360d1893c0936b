/** `GET`, and its kin that change the key they read: `GETEX`, `GETDEL`, `GETSET`. */
import type { Entry } from '../../store/key-value.ts'
import { type Command, type Context, ONE_KEY, whenHere } from '../command.ts'
import { expiryIn, readStringOptions } from '../options.ts'

const shared = { keys: ONE_KEY, categories: [], group: 'string' } as const

export const get: Command = {
  ...shared,
  name: 'get',
  arity: 2,
  flags: ['readonly', 'fast'],
  summary: 'The value of a key',
  since: '1.0.0',
  run: (context, [, key]) => {
    const entry = context.store.get(key as Buffer)
    // Not `whenHere`: the closure would cost as much as the rest.
    if (entry instanceof Promise) return entry.then((found) => replyValue(context, found))
    replyValue(context, entry)
  },
}

export const getex: Command = {
  ...shared,
  name: 'getex',
  arity: -2,
  flags: ['write', 'fast'],
  summary: 'The value of a key, whose end may be set anew',
  since: '6.2.0',
  run: (context, request) => {
    const options = readStringOptions(request, 2, 'getex')
    const answer = context.store.update(request[1] as Buffer, (entry) => {
      // A time is looked at only when there is a key to give it to.
      if (entry === undefined) return { result: entry }
      const given = expiryIn(options, 'getex', context.facts.nowUnixMs())
      const expiry = given ?? (options.present === 'take' ? 'none' : undefined)
      return { result: entry, change: expiry === undefined ? undefined : { kind: 'expire', expiry } }
    })
    return whenHere(answer, (entry) => replyValue(context, entry))
  },
}

export const getdel: Command = {
  ...shared,
  name: 'getdel',
  arity: 2,
  flags: ['write', 'fast'],
  summary: 'The value of a key, which is deleted',
  since: '6.2.0',
  run: (context, [, key]) => {
    const answer = context.store.update(key as Buffer, (entry) => ({ result: entry, change: { kind: 'delete' } }))
    return whenHere(answer, (entry) => replyValue(context, entry))
  },
}

export const getset: Command = {
  ...shared,
  name: 'getset',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  summary: 'Set a key and return what it had',
  since: '1.0.0',
  run: (context, [, key, value]) => {
    const answer = context.store.update(key as Buffer, (entry) => ({
      result: entry,
      change: { kind: 'write', value: value as Buffer },
    }))
    return whenHere(answer, (entry) => replyValue(context, entry))
  },
}

/** Answer with a value, or that there is none. */
export function replyValue({ reply, facts }: Context, entry: Entry | undefined): void {
  if (entry === undefined) {
    facts.counters.misses += 1
    reply.null()
  } else {
    facts.counters.hits += 1
    reply.bulk(entry.value)
  }
}
