/** `gets <key>*`: the values of keys, with their numbers for `cas`. */
import type { Command } from '../command.ts'
import { retrievalCommand } from './get.ts'

export const gets: Command = retrievalCommand({ hasUnique: true })
