/** `COMMAND`: what can be called, told from the same table that it is called by. */
import { textOf } from '../arguments.ts'
import { type Command, type CommandFlag, type CommandTable, type Context, NO_KEYS, tableOf } from '../command.ts'
import type { ReplyWriter } from '../writer.ts'

const FLAGS: readonly CommandFlag[] = ['loading', 'stale']
const shared = { flags: FLAGS, keys: NO_KEYS, categories: ['@connection'], group: 'server' } as const

const count: Command = {
  ...shared,
  name: 'command|count',
  arity: 2,
  summary: 'How many commands there are',
  since: '2.8.13',
  run: ({ reply, commands }) => reply.integer(commands.size),
}

const info: Command = {
  ...shared,
  name: 'command|info',
  arity: -2,
  summary: 'How commands are called: all, or those that are named',
  since: '2.8.13',
  run: (context, request) => {
    if (request.length === 2) return replyAll(context)
    context.reply.array(request.length - 2)
    for (const name of request.slice(2)) {
      const command = find(context.commands, textOf(name))
      if (command === undefined) context.reply.null()
      else replyInfo(context.reply, command)
    }
  },
}

const docs: Command = {
  ...shared,
  name: 'command|docs',
  arity: -2,
  summary: 'What commands do: all, or those that are named',
  since: '7.0.0',
  run: ({ reply, commands }, request) => {
    const named = request.slice(2).flatMap((name) => find(commands, textOf(name)) ?? [])
    const told = request.length === 2 ? [...commands.values()] : named
    reply.map(told.length)
    for (const command of told) replyDocs(reply, command)
  },
}

export const command: Command = {
  ...shared,
  name: 'command',
  arity: -1,
  summary: 'How all commands are called',
  since: '2.8.13',
  subcommands: tableOf([count, info, docs]),
  run: (context) => replyAll(context),
}

function replyAll({ reply, commands }: Context): void {
  reply.array(commands.size)
  for (const command of commands.values()) replyInfo(reply, command)
}

function find(table: CommandTable, name: string): Command | undefined {
  const [container = '', own, ...more] = name.toLowerCase().split('|')
  const found = table.get(container)
  if (own === undefined) return found
  return more.length > 0 ? undefined : found?.subcommands?.get(own)
}

function replyInfo(reply: ReplyWriter, command: Command): void {
  const { name, arity, flags, keys, subcommands } = command
  reply.array(10)
  reply.bulk(name)
  reply.integer(arity)
  replyStatuses(reply, flags)
  reply.integer(keys.first)
  reply.integer(keys.last)
  reply.integer(keys.step)
  replyStatuses(reply, categoriesOf(command))
  // Tips and key specifications, which Redis Cluster uses.
  reply.array(0)
  reply.array(0)
  reply.array(subcommands?.size ?? 0)
  for (const subcommand of subcommands?.values() ?? []) replyInfo(reply, subcommand)
}

function replyStatuses(reply: ReplyWriter, words: readonly string[]): void {
  reply.set(words.length)
  for (const word of words) reply.status(word)
}

/** The categories that Redis's access lists have for it. */
function categoriesOf({ flags, group, categories, subcommands }: Command): readonly string[] {
  const isContainer = subcommands !== undefined && flags.length === 0
  const byFlag = isContainer ? [] : flags.flatMap((flag) => CATEGORIES_BY_FLAG[flag] ?? [])
  const byGroup = isContainer ? [] : (CATEGORIES_BY_GROUP[group] ?? [])
  return [...new Set([...categories, ...byGroup, ...byFlag, flags.includes('fast') ? '@fast' : '@slow'])]
}

function replyDocs(reply: ReplyWriter, { name, summary, since, group, subcommands }: Command): void {
  reply.bulk(name)
  reply.map(subcommands === undefined ? 3 : 4)
  reply.bulk('summary')
  reply.bulk(summary)
  reply.bulk('since')
  reply.bulk(since)
  reply.bulk('group')
  reply.bulk(group)
  if (subcommands === undefined) return
  reply.bulk('subcommands')
  reply.map(subcommands.size)
  for (const subcommand of subcommands.values()) replyDocs(reply, subcommand)
}

const CATEGORIES_BY_FLAG: Readonly<Partial<Record<CommandFlag, readonly string[]>>> = {
  readonly: ['@read'],
  write: ['@write'],
  admin: ['@admin', '@dangerous'],
}
const CATEGORIES_BY_GROUP: Readonly<Partial<Record<Command['group'], readonly string[]>>> = {
  connection: ['@connection'],
  generic: ['@keyspace'],
  string: ['@string'],
}
