/** `append <key> <flags> <exptime> <bytes> [noreply]`: put the data after what is there. Flags and exptime are ignored. */
import { append as appendTo } from '../../store/operations.ts'
import type { Command } from '../command.ts'
import { NOT_STORED, STORED, storageCommand } from '../storage.ts'

export const append: Command = storageCommand(async ({ key, block }, { store }) =>
  (await appendTo(store, key, block)) === undefined ? NOT_STORED : STORED,
)
