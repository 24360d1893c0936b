/** `set <key> <flags> <exptime> <bytes> [noreply]`: store, whatever is there. */
import type { Command } from '../command.ts'
import { STORED, storageCommand } from '../storage.ts'

export const set: Command = storageCommand(({ key, write }, { store }) => {
  const stored = store.set(key, write)
  return stored instanceof Promise ? stored.then(() => STORED) : STORED
})
