/** The connection itself: `PING`, `ECHO`, `SELECT`, `QUIT`, `RESET`. */
import { integerOf } from '../arguments.ts'
import { type Command, type CommandFlag, NO_KEYS } from '../command.ts'
import { RespCommandError, wrongArity } from '../errors.ts'

const shared = { keys: NO_KEYS, categories: [], group: 'connection' } as const
/** Of commands that a client may call at any time. */
const ALWAYS: readonly CommandFlag[] = ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy']

export const ping: Command = {
  ...shared,
  name: 'ping',
  arity: -1,
  flags: ['fast'],
  summary: 'Answer with PONG, or with what is given',
  since: '1.0.0',
  run: ({ reply }, [, message, ...more]) => {
    if (more.length > 0) throw wrongArity('ping')
    if (message === undefined) reply.status('PONG')
    else reply.bulk(message)
  },
}

export const echo: Command = {
  ...shared,
  name: 'echo',
  arity: 2,
  flags: ['loading', 'stale', 'fast'],
  summary: 'Answer with what is given',
  since: '1.0.0',
  run: ({ reply }, [, message]) => reply.bulk(message as Buffer),
}

export const select: Command = {
  ...shared,
  name: 'select',
  arity: 2,
  flags: ['loading', 'stale', 'fast'],
  summary: 'Use a database: there is one, 0',
  since: '1.0.0',
  run: ({ reply }, [, index]) => {
    if (integerOf(index as Buffer) !== 0n) throw new RespCommandError('ERR DB index is out of range')
    reply.status('OK')
  },
}

export const quit: Command = {
  ...shared,
  name: 'quit',
  arity: -1,
  flags: ALWAYS,
  summary: 'End the connection',
  since: '1.0.0',
  run: ({ reply, client }) => {
    client.isLeaving = true
    reply.status('OK')
  },
}

export const reset: Command = {
  ...shared,
  name: 'reset',
  arity: 1,
  flags: ALWAYS,
  summary: 'Begin anew: RESP2, no name, no password given',
  since: '6.2.0',
  run: ({ reply, client }) => {
    client.reset()
    reply.version = 2
    reply.status('RESET')
  },
}
