/** `CONFIG GET`: what clients and benchmarks ask for. Nothing can be set: a node's options do that. */

import { textOf } from '../arguments.ts'
import { type Command, type Context, NO_KEYS, tableOf } from '../command.ts'
import { syntaxError } from '../errors.ts'
import { matchesGlob } from '../glob.ts'

const get: Command = {
  name: 'config|get',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  keys: NO_KEYS,
  categories: [],
  summary: 'Settings whose names match',
  since: '2.0.0',
  group: 'server',
  run: (context, request) => {
    const patterns = request.slice(2).map((pattern) => Buffer.from(textOf(pattern).toLowerCase(), 'latin1'))
    const chosen = settingsOf(context).filter(([name]) =>
      patterns.some((pattern) => matchesGlob(pattern, Buffer.from(name))),
    )
    context.reply.map(chosen.length)
    for (const [name, value] of chosen) {
      context.reply.bulk(name)
      context.reply.bulk(value)
    }
  },
}

export const config: Command = {
  name: 'config',
  arity: -2,
  flags: [],
  keys: NO_KEYS,
  categories: [],
  summary: 'Settings',
  since: '2.0.0',
  group: 'server',
  subcommands: tableOf([get]),
  run: () => {
    throw syntaxError()
  },
}

function settingsOf({ facts }: Context): readonly (readonly [name: string, value: string])[] {
  return [
    ['appendonly', 'no'],
    ['databases', '1'],
    ['maxclients', String(facts.clientsMax)],
    ['maxmemory', '0'],
    ['maxmemory-policy', 'allkeys-lru'],
    ['proto-max-bulk-len', String(facts.argumentBytesMax)],
    ['save', ''],
    ['timeout', '0'],
  ]
}
