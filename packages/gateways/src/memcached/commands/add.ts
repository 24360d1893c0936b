/** `add <key> <flags> <exptime> <bytes> [noreply]`: store if the key is not there. */
import { add as addTo } from '../../store/operations.ts'
import type { Command } from '../command.ts'
import { NOT_STORED, STORED, storageCommand } from '../storage.ts'

export const add: Command = storageCommand(async ({ key, write }, { store }) =>
  (await addTo(store, key, write)) ? STORED : NOT_STORED,
)
