/** `CLIENT`: what this connection is called and what is known of it. Of other connections nothing is told. */
import { textOf, wordOf } from '../arguments.ts'
import { type Command, type CommandFlag, type Context, NO_KEYS, tableOf } from '../command.ts'
import { RespCommandError, syntaxError } from '../errors.ts'

const FLAGS: readonly CommandFlag[] = ['noscript', 'loading', 'stale']
const shared = { flags: FLAGS, keys: NO_KEYS, categories: [], group: 'connection' } as const

const id: Command = {
  ...shared,
  name: 'client|id',
  arity: 2,
  summary: 'The number of this connection',
  since: '5.0.0',
  run: ({ reply, client }) => reply.integer(client.id),
}

const getname: Command = {
  ...shared,
  name: 'client|getname',
  arity: 2,
  summary: 'The name of this connection',
  since: '2.6.9',
  run: ({ reply, client }) => {
    if (client.name === '') reply.null()
    else reply.bulk(Buffer.from(client.name, 'latin1'))
  },
}

const setname: Command = {
  ...shared,
  name: 'client|setname',
  arity: 3,
  summary: 'Name this connection',
  since: '2.6.9',
  run: ({ reply, client }, request) => {
    client.name = nameOf(request[2] as Buffer)
    reply.status('OK')
  },
}

const setinfo: Command = {
  ...shared,
  name: 'client|setinfo',
  arity: 4,
  summary: 'Say which library this connection is used by',
  since: '7.2.0',
  run: ({ reply, client }, request) => {
    const [, , attribute, value] = request as [Buffer, Buffer, Buffer, Buffer]
    const text = textOf(value)
    const word = wordOf(attribute)
    if (word !== 'LIB-NAME' && word !== 'LIB-VER') {
      throw new RespCommandError(`ERR Unrecognized option '${textOf(attribute)}'`)
    }
    if (!isPrintable(text)) {
      const what = word === 'LIB-NAME' ? 'lib-name' : 'lib-ver'
      throw new RespCommandError(`ERR ${what} cannot contain spaces, newlines or special characters.`)
    }
    if (word === 'LIB-NAME') client.libraryName = text
    else client.libraryVersion = text
    reply.status('OK')
  },
}

const info: Command = {
  ...shared,
  name: 'client|info',
  arity: 2,
  summary: 'What is known of this connection',
  since: '6.2.0',
  run: (context) => context.reply.verbatim(`${describe(context)}\n`),
}

const noEvict: Command = toggles('client|no-evict', '7.0.0', ['admin', ...FLAGS])
const noTouch: Command = toggles('client|no-touch', '7.2.0', FLAGS)

export const client: Command = {
  name: 'client',
  arity: -2,
  flags: [],
  keys: NO_KEYS,
  categories: [],
  summary: 'Commands about this connection',
  since: '2.4.0',
  group: 'connection',
  subcommands: tableOf([id, getname, setname, setinfo, info, noEvict, noTouch]),
  run: () => {
    throw syntaxError()
  },
}

/** A connection's name. @throws RespCommandError */
export function nameOf(argument: Uint8Array): string {
  const name = textOf(argument)
  if (!isPrintable(name)) {
    throw new RespCommandError('ERR Client names cannot contain spaces, newlines or special characters.')
  }
  return name
}

/** What has no meaning here, because clients are never evicted and keys are always touched, is agreed to. */
function toggles(name: string, since: string, flags: readonly CommandFlag[]): Command {
  return {
    ...shared,
    name,
    arity: 3,
    flags,
    summary: 'Agreed to, and without effect',
    since,
    run: ({ reply }, request) => {
      if (!['ON', 'OFF'].includes(wordOf(request[2] as Buffer))) throw syntaxError()
      reply.status('OK')
    },
  }
}

function isPrintable(text: string): boolean {
  return /^[!-~]*$/.test(text)
}

function describe({ client, facts, reply }: Context): string {
  const ageSeconds = Math.floor((facts.nowUnixMs() - client.connectedAtUnixMs) / 1_000)
  const fields = {
    id: client.id,
    name: client.name,
    age: ageSeconds,
    idle: 0,
    flags: 'N',
    db: 0,
    cmd: client.lastCommand,
    user: client.user ?? '',
    'lib-name': client.libraryName,
    'lib-ver': client.libraryVersion,
    resp: reply.version,
  }
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}
