/** Who a client is and what it speaks: `HELLO`, `AUTH`. */
import { areCredentials } from '../../credentials.ts'
import { parseInteger, textOf, wordOf } from '../arguments.ts'
import { type Command, type CommandFlag, type Context, NO_KEYS } from '../command.ts'
import { RespCommandError, syntaxError } from '../errors.ts'
import { DEFAULT_USER, type Facts, REDIS_VERSION } from '../facts.ts'
import type { Request } from '../reader.ts'
import type { RespVersion } from '../writer.ts'
import { nameOf } from './client.ts'

const FLAGS: readonly CommandFlag[] = ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy']
const shared = { flags: FLAGS, keys: NO_KEYS, categories: [], group: 'connection' } as const

export const hello: Command = {
  ...shared,
  name: 'hello',
  arity: -1,
  summary: 'Choose RESP2 or RESP3, and say who is there',
  since: '6.0.0',
  run: (context, request) => {
    const { version, credentials, name } = readOptions(request)
    if (credentials !== undefined) logIn(context, credentials.user, credentials.password)
    const { client, reply } = context
    if (client.user === undefined) throw new RespCommandError(STRANGER)
    if (name !== undefined) client.name = name
    reply.version = version ?? reply.version
    replyFacts(context)
  },
}

export const auth: Command = {
  ...shared,
  name: 'auth',
  arity: -2,
  summary: 'Say who is there',
  since: '1.0.0',
  run: (context, request) => {
    if (request.length > 3) throw syntaxError()
    const [, first, second] = request as [Buffer, Buffer, Buffer?]
    const { credentials } = context.facts
    if (second !== undefined) logIn(context, first, second)
    else if (credentials === undefined) throw new RespCommandError(NO_PASSWORD)
    // There is one user, whom a password alone can only mean.
    else logIn(context, Buffer.from(credentials.user), first)
    context.reply.status('OK')
  },
}

interface HelloOptions {
  readonly version: RespVersion | undefined
  readonly credentials: { readonly user: Buffer; readonly password: Buffer } | undefined
  readonly name: string | undefined
}

/** @throws RespCommandError */
function readOptions(request: Request): HelloOptions {
  const version = request[1] === undefined ? undefined : versionOf(request[1])
  let credentials: HelloOptions['credentials']
  let name: string | undefined
  for (let at = 2; at < request.length; at++) {
    const option = request[at] as Buffer
    const [first, second] = request.slice(at + 1)
    const word = wordOf(option)
    if (word === 'AUTH' && first !== undefined && second !== undefined) {
      credentials = { user: first, password: second }
      at += 2
    } else if (word === 'SETNAME' && first !== undefined) {
      name = nameOf(first)
      at += 1
    } else throw new RespCommandError(`ERR Syntax error in HELLO option '${textOf(option)}'`)
  }
  return { version, credentials, name }
}

/** @throws RespCommandError */
function versionOf(argument: Uint8Array): RespVersion {
  const version = parseInteger(argument)
  if (version === undefined) {
    throw new RespCommandError('ERR Protocol version is not an integer or out of range')
  }
  if (version === 2n) return 2
  if (version === 3n) return 3
  throw new RespCommandError('NOPROTO unsupported protocol version')
}

/** @throws RespCommandError */
function logIn({ client, facts }: Context, user: Uint8Array, password: Uint8Array): void {
  if (!admits(facts, user, password)) {
    throw new RespCommandError('WRONGPASS invalid username-password pair or user is disabled.')
  }
  client.user = textOf(user)
}

/** Where nothing is asked for, the default user may come with any password. */
function admits({ credentials }: Facts, user: Uint8Array, password: Uint8Array): boolean {
  return credentials === undefined ? textOf(user) === DEFAULT_USER : areCredentials(credentials, user, password)
}

function replyFacts({ reply, client }: Context): void {
  reply.map(7)
  reply.bulk('server')
  // By this name clients know what they may ask for.
  reply.bulk('redis')
  reply.bulk('version')
  reply.bulk(REDIS_VERSION)
  reply.bulk('proto')
  reply.integer(reply.version)
  reply.bulk('id')
  reply.integer(client.id)
  reply.bulk('mode')
  reply.bulk('standalone')
  reply.bulk('role')
  reply.bulk('master')
  reply.bulk('modules')
  reply.array(0)
}

const STRANGER =
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> ' +
  'option can be used to authenticate the client and select the RESP protocol version at the same time'
const NO_PASSWORD =
  'ERR AUTH <password> called without any password configured for the default user. ' +
  'Are you sure your configuration is correct?'
