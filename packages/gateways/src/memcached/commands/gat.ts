/** `gat <exptime> <key>*`: the values of keys, which end when this says from now on. */
import { expire } from '../../store/operations.ts'
import { expiryOf, keyOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import type { RetrievalOptions } from '../retrieval.ts'
import { answerItems } from '../retrieval.ts'

export function getAndTouchCommand(options: RetrievalOptions): Command {
  return {
    argsMin: 1,
    argsMax: Number.POSITIVE_INFINITY,
    hasNoreply: false,
    run: async ({ args: [exptime, ...keys] }, context) => {
      const expiry = expiryOf(exptime, 'CLIENT_ERROR invalid exptime argument')
      const wanted = keys.map((key) => keyOf(key))
      const entries = await Promise.all(wanted.map((key) => expire(context.store, key, expiry)))
      for (const entry of entries) {
        context.counters.cmd_touch += 1
        if (entry === undefined) context.counters.touch_misses += 1
        else context.counters.touch_hits += 1
      }
      answerItems(keys, entries, context, options)
    },
  }
}

export const gat: Command = getAndTouchCommand({ hasUnique: false })
