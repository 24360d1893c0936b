/** `prepend <key> <flags> <exptime> <bytes> [noreply]`: put the data before what is there. Flags and exptime are ignored. */
import { prepend as prependTo } from '../../store/operations.ts'
import type { Command } from '../command.ts'
import { NOT_STORED, STORED, storageCommand } from '../storage.ts'

export const prepend: Command = storageCommand(async ({ key, block }, { store }) =>
  (await prependTo(store, key, block)) === undefined ? NOT_STORED : STORED,
)
