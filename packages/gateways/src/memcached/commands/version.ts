/** `version`: whose protocol this is. Asked to see whether the server is there. */
import type { Command } from '../command.ts'
import { PROTOCOL_VERSION } from '../constants.ts'

export const version: Command = {
  argsMin: 0,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: false,
  run: (_, { reply }) => reply.line(`VERSION ${PROTOCOL_VERSION}`),
}
