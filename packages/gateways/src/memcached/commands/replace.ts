/** `replace <key> <flags> <exptime> <bytes> [noreply]`: store if the key is there. */
import { replace as replaceTo } from '../../store/operations.ts'
import type { Command } from '../command.ts'
import { NOT_STORED, STORED, storageCommand } from '../storage.ts'

export const replace: Command = storageCommand(async ({ key, write }, { store }) =>
  (await replaceTo(store, key, write)) ? STORED : NOT_STORED,
)
