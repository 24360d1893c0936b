/** `decr <key> <delta> [noreply]`: take from the number that a key has, down to 0. */
import type { Command } from '../command.ts'
import { arithmeticCommand } from './incr.ts'

export const decr: Command = arithmeticCommand('decr')
