/** `gats <exptime> <key>*`: like `gat`, with the numbers for `cas`. */
import type { Command } from '../command.ts'
import { getAndTouchCommand } from './gat.ts'

export const gats: Command = getAndTouchCommand({ hasUnique: true })
