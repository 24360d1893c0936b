/** `quit`: the end of the conversation. */
import type { Command } from '../command.ts'

export const quit: Command = {
  argsMin: 0,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: false,
  run: (_, context) => context.end(),
}
