/** The keys of this node: `SCAN`, `DBSIZE`, `FLUSHDB`, `FLUSHALL`. What only other nodes hold is not among them. */
import { integerOf, parseInteger, wordOf } from '../arguments.ts'
import { type Command, type Context, NO_KEYS } from '../command.ts'
import { SCAN_KEYS_DEFAULT, SCAN_KEYS_MAX } from '../constants.ts'
import { RespCommandError, syntaxError } from '../errors.ts'
import { matchesGlob } from '../glob.ts'
import type { Request } from '../reader.ts'

export const scan: Command = {
  name: 'scan',
  arity: -2,
  flags: ['readonly'],
  keys: NO_KEYS,
  categories: ['@keyspace'],
  summary: 'Some keys that this node holds, and where to go on',
  since: '2.8.0',
  group: 'generic',
  run: ({ store, reply }, request) => {
    const cursor = cursorOf(request[1] as Buffer)
    const { pattern, count, isEmpty } = readOptions(request)
    const page = store.scan(cursor, count)
    const keys = isEmpty ? [] : page.keys.filter((key) => pattern === undefined || matchesGlob(pattern, key))
    reply.array(2)
    reply.bulk(String(page.cursor))
    reply.array(keys.length)
    for (const key of keys) reply.bulk(key)
  },
}

export const dbsize: Command = {
  name: 'dbsize',
  arity: 1,
  flags: ['readonly', 'fast'],
  keys: NO_KEYS,
  categories: ['@keyspace'],
  summary: 'How many keys this node holds',
  since: '1.0.0',
  group: 'server',
  run: ({ store, reply }) => reply.integer(store.count()),
}

export const flushdb: Command = flushes('flushdb')
export const flushall: Command = flushes('flushall')

function flushes(name: string): Command {
  const run = async ({ store, reply }: Context, request: Request): Promise<void> => {
    const [, mode] = request
    if (request.length > 2 || (mode !== undefined && !FLUSH_MODES.includes(wordOf(mode)))) throw syntaxError()
    await store.flush()
    reply.status('OK')
  }
  return {
    name,
    arity: -1,
    flags: ['write'],
    keys: NO_KEYS,
    categories: ['@keyspace', '@dangerous'],
    summary: 'Delete the keys that this node holds',
    since: '1.0.0',
    group: 'server',
    run,
  }
}

interface ScanOptions {
  readonly pattern: Uint8Array | undefined
  readonly count: number
  /** Keys of another type are asked for, and there are none. */
  readonly isEmpty: boolean
}

/** @throws RespCommandError */
function readOptions(request: Request): ScanOptions {
  let pattern: Uint8Array | undefined
  let count = SCAN_KEYS_DEFAULT
  let isEmpty = false
  for (let at = 2; at < request.length; at += 2) {
    const word = wordOf(request[at] as Buffer)
    const argument = request[at + 1]
    if (argument === undefined) throw syntaxError()
    if (word === 'MATCH') pattern = argument
    else if (word === 'TYPE') isEmpty = wordOf(argument) !== 'STRING'
    else if (word === 'COUNT') {
      const asked = integerOf(argument)
      if (asked < 1n) throw syntaxError()
      count = asked > SCAN_KEYS_MAX ? SCAN_KEYS_MAX : Number(asked)
    } else throw syntaxError()
  }
  return { pattern, count, isEmpty }
}

/** @throws RespCommandError */
function cursorOf(argument: Uint8Array): number {
  const cursor = parseInteger(argument)
  if (cursor === undefined || cursor < 0n || cursor > Number.MAX_SAFE_INTEGER) {
    throw new RespCommandError('ERR invalid cursor')
  }
  return Number(cursor)
}

const FLUSH_MODES: readonly string[] = ['SYNC', 'ASYNC']
