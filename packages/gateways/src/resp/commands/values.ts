/** What a key has, looked at or changed in part: `TYPE`, `STRLEN`, `APPEND`. */
import { type Command, ONE_KEY, whenHere } from '../command.ts'

export const type: Command = {
  name: 'type',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: ONE_KEY,
  categories: [],
  summary: 'string, or none',
  since: '1.0.0',
  group: 'generic',
  run: ({ store, reply }, [, key]) =>
    whenHere(store.get(key as Buffer), (entry) => reply.status(entry === undefined ? 'none' : 'string')),
}

export const strlen: Command = {
  name: 'strlen',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: ONE_KEY,
  categories: [],
  summary: 'How many bytes a value has',
  since: '2.2.0',
  group: 'string',
  run: ({ store, reply }, [, key]) =>
    whenHere(store.get(key as Buffer), (entry) => reply.integer(entry?.value.length ?? 0)),
}

export const append: Command = {
  name: 'append',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: ONE_KEY,
  categories: [],
  summary: 'Put bytes behind a value',
  since: '2.0.0',
  group: 'string',
  run: ({ store, reply }, [, key, more]) => {
    const answer = store.update(key as Buffer, (entry) => {
      const value = Buffer.concat([entry?.value ?? EMPTY, more as Buffer])
      const { flags = 0 } = entry ?? {}
      return { result: value.length, change: { kind: 'write', value, flags, expiry: 'keep' } }
    })
    return whenHere(answer, (length) => reply.integer(length))
  },
}

const EMPTY = new Uint8Array(0)
