/** `SET` with its options, and the commands that it replaced: `SETEX`, `PSETEX`, `SETNX`. */
import type { Entry, Write } from '../../store/key-value.ts'
import { expiryOf, type TimeUnit } from '../arguments.ts'
import { type Command, type Context, ONE_KEY, whenHere } from '../command.ts'
import { type Condition, expiryIn, readStringOptions } from '../options.ts'
import type { Request } from '../reader.ts'
import { replyValue } from './get.ts'

const shared = { keys: ONE_KEY, categories: [], group: 'string' } as const

export const set: Command = {
  ...shared,
  name: 'set',
  arity: -3,
  flags: ['write', 'denyoom'],
  summary: 'Set a key',
  since: '1.0.0',
  run: (context, request) => {
    const [, key, value] = request as [Buffer, Buffer, Buffer]
    if (request.length === 3) return store(context, key, { value })
    const options = readStringOptions(request, 3, 'set')
    const { condition, returnsOld } = options
    const given = expiryIn(options, 'set', context.facts.nowUnixMs())
    const expiry = given ?? (options.present === 'keep' ? 'keep' : 'none')
    const write = { value, expiry }
    if (condition === 'always' && !returnsOld) return store(context, key, write)
    const answer = writeIf(context, key, write, condition)
    return whenHere(answer, ({ entry, isWritten }) => {
      if (returnsOld) replyValue(context, entry)
      else if (isWritten) context.reply.status('OK')
      else context.reply.null()
    })
  },
}

export const setex: Command = {
  ...shared,
  name: 'setex',
  arity: 4,
  flags: ['write', 'denyoom'],
  summary: 'Set a key that ends after some seconds',
  since: '2.0.0',
  run: (context, request) => setForTime(context, request, 'setex', { unitMs: 1_000n, isAbsolute: false }),
}

export const psetex: Command = {
  ...shared,
  name: 'psetex',
  arity: 4,
  flags: ['write', 'denyoom'],
  summary: 'Set a key that ends after some milliseconds',
  since: '2.6.0',
  run: (context, request) => setForTime(context, request, 'psetex', { unitMs: 1n, isAbsolute: false }),
}

export const setnx: Command = {
  ...shared,
  name: 'setnx',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  summary: 'Set a key that is not there',
  since: '1.0.0',
  run: (context, [, key, value]) => {
    const answer = writeIf(context, key as Buffer, { value: value as Buffer }, 'absent')
    return whenHere(answer, ({ isWritten }) => context.reply.integer(isWritten ? 1 : 0))
  },
}

function setForTime(context: Context, request: Request, name: string, unit: TimeUnit): void | Promise<void> {
  const [, key, time, value] = request as [Buffer, Buffer, Buffer, Buffer]
  return store(context, key, { value, expiry: expiryOf(time, unit, name, context.facts.nowUnixMs()) })
}

function store({ store, reply }: Context, key: Buffer, write: Write): void | Promise<void> {
  const done = store.set(key, write)
  if (done instanceof Promise) return done.then(() => reply.status('OK'))
  reply.status('OK')
}

function writeIf(
  { store }: Context,
  key: Buffer,
  write: Write,
  condition: Condition,
): ReturnType<typeof store.update<{ entry: Entry | undefined; isWritten: boolean }>> {
  return store.update(key, (entry) => {
    const isWritten = condition === 'always' || (condition === 'present') === (entry !== undefined)
    return { result: { entry, isWritten }, change: isWritten ? { kind: 'write', ...write } : undefined }
  })
}
