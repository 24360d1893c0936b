/** `touch <key> <exptime> [noreply]`: give a key another end. */
import { expire } from '../../store/operations.ts'
import { expiryOf, keyOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { then } from '../command.ts'

export const touch: Command = {
  argsMin: 2,
  argsMax: 3,
  hasNoreply: true,
  run: ({ args }, { store, reply, counters }) => {
    const key = keyOf(args[0])
    const expiry = expiryOf(args[1], 'CLIENT_ERROR invalid exptime argument')
    counters.cmd_touch += 1
    return then(expire(store, key, expiry), (entry) => {
      if (entry === undefined) counters.touch_misses += 1
      else counters.touch_hits += 1
      reply.line(entry === undefined ? 'NOT_FOUND' : 'TOUCHED')
    })
  },
}
