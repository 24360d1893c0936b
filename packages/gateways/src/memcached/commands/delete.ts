/** `delete <key> [0] [noreply]`: end a key. Some clients, Apache httpd's among them, still send the time of old, which is 0. */
import { keyOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { then } from '../command.ts'
import { MemcachedRefusal } from '../refusal.ts'

export const deleteKey: Command = {
  argsMin: 1,
  argsMax: 3,
  hasNoreply: true,
  run: ({ args: [name, ...rest] }, { store, reply, counters }) => {
    const key = keyOf(name)
    const isPlain = rest.length === 0 || rest[0] === '0' || rest[0] === NOREPLY
    const isMeant = rest.length < 2 ? isPlain : rest[0] === '0' && rest[1] === NOREPLY
    if (!isMeant) throw new MemcachedRefusal(USAGE)
    return then(store.delete(key), (isThere) => {
      if (isThere) counters.delete_hits += 1
      else counters.delete_misses += 1
      reply.line(isThere ? 'DELETED' : 'NOT_FOUND')
    })
  },
}

const NOREPLY = 'noreply'
const USAGE = 'CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]'
