/** `mn`: an answer that says that everything before it is answered. */
import type { Command } from '../command.ts'

export const mn: Command = {
  argsMin: 0,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: false,
  run: (_, { reply }) => reply.line('MN'),
}
