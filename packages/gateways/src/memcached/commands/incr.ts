/** `incr <key> <delta> [noreply]`: add to the number that a key has. */
import { keyOf, uint64 } from '../arguments.ts'
import type { Direction } from '../arithmetic.ts'
import { addTo, digits } from '../arithmetic.ts'
import type { Command } from '../command.ts'
import { then } from '../command.ts'

export function arithmeticCommand(direction: Direction): Command {
  return {
    argsMin: 2,
    argsMax: 3,
    hasNoreply: true,
    run: ({ args }, { store, reply, counters }) => {
      const key = keyOf(args[0])
      const delta = uint64(args[1], 'CLIENT_ERROR invalid numeric delta argument')
      const changed = store.update<bigint | undefined>(key, (entry) => {
        if (entry === undefined) return { result: undefined }
        const result = addTo(entry.value, delta, direction)
        return { result, change: { kind: 'write', value: digits(result), flags: entry.flags, expiry: 'keep' } }
      })
      return then(changed, (number) => {
        if (number === undefined) counters[`${direction}_misses`] += 1
        else counters[`${direction}_hits`] += 1
        reply.line(number === undefined ? 'NOT_FOUND' : `${number}`)
      })
    },
  }
}

export const incr: Command = arithmeticCommand('incr')
