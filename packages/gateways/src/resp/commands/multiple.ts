/** Several keys at once: `MGET`, `MSET`, `DEL`, `UNLINK`, `EXISTS`. Each key by itself: nothing is done to all or none. */
import type { Answer } from '../../store/key-value.ts'
import { ALL_KEYS, type Command, type CommandFlag, type Context, KEYS_AND_VALUES, whenHere } from '../command.ts'
import { wrongArity } from '../errors.ts'
import type { Request } from '../reader.ts'
import { replyValue } from './get.ts'

export const mget: Command = {
  name: 'mget',
  arity: -2,
  flags: ['readonly', 'fast'],
  keys: ALL_KEYS,
  categories: [],
  summary: 'The values of several keys',
  since: '1.0.0',
  group: 'string',
  run: (context, request) =>
    whenHere(context.store.getMany(request.slice(1)), (entries) => {
      context.reply.array(entries.length)
      for (const entry of entries) replyValue(context, entry)
    }),
}

export const mset: Command = {
  name: 'mset',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: KEYS_AND_VALUES,
  categories: [],
  summary: 'Set several keys',
  since: '1.0.1',
  group: 'string',
  run: ({ store, reply }, request) => {
    if (request.length % 2 === 0) throw wrongArity('mset')
    const writes: Answer<void>[] = []
    for (let at = 1; at < request.length; at += 2) {
      writes.push(store.set(request[at] as Buffer, { value: request[at + 1] as Buffer }))
    }
    return whenHere(allOf(writes), () => reply.status('OK'))
  },
}

export const del: Command = deletes('del', 'Delete keys', '1.0.0', ['write'])

export const unlink: Command = deletes('unlink', 'Delete keys, as DEL does', '4.0.0', ['write', 'fast'])

export const exists: Command = {
  name: 'exists',
  arity: -2,
  flags: ['readonly', 'fast'],
  keys: ALL_KEYS,
  categories: [],
  summary: 'How many of the keys are there, counted as often as they are named',
  since: '1.0.0',
  group: 'generic',
  run: ({ store, reply }, request) =>
    whenHere(store.getMany(request.slice(1)), (entries) =>
      reply.integer(entries.filter((entry) => entry !== undefined).length),
    ),
}

function deletes(name: string, summary: string, since: string, flags: readonly CommandFlag[]): Command {
  const run = ({ store, reply }: Context, request: Request): Answer<void> => {
    const deleted = request.slice(1).map((key) => store.delete(key))
    return whenHere(allOf(deleted), (were) => reply.integer(were.filter(Boolean).length))
  }
  return { name, arity: -2, flags, keys: ALL_KEYS, categories: [], summary, since, group: 'generic', run }
}

function allOf<T>(answers: readonly Answer<T>[]): Answer<readonly T[]> {
  const areHere = (all: readonly Answer<T>[]): all is readonly T[] => !all.some((answer) => answer instanceof Promise)
  return areHere(answers) ? answers : Promise.all(answers)
}
