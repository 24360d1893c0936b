/** `verbosity <level> [noreply]`: there is nothing to say more of. */
import type { Command } from '../command.ts'

export const verbosity: Command = {
  argsMin: 0,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: true,
  run: ({ args }, { reply }) => reply.line(args.length === 0 ? 'ERROR' : 'OK'),
}
