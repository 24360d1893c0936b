/** `cas <key> <flags> <exptime> <bytes> <unique> [noreply]`: store if the value is still the one with that number. */
import { compareAndSet } from '../../store/operations.ts'
import { uint64 } from '../arguments.ts'
import type { Command } from '../command.ts'
import { STORED, storageCommand } from '../storage.ts'

const storage = storageCommand(async ({ key, write, args }, { store, counters }) => {
  const outcome = await compareAndSet(store, key, uint64(args[4]), write)
  if (outcome === 'stored') counters.cas_hits += 1
  else if (outcome === 'absent') counters.cas_misses += 1
  else counters.cas_badval += 1
  return ANSWERS[outcome]
}, 5)

export const cas: Command = {
  ...storage,
  blockBytes: (args) => {
    uint64(args[4])
    return storage.blockBytes?.(args) ?? 0
  },
}

const ANSWERS = { stored: STORED, changed: 'EXISTS', absent: 'NOT_FOUND' } as const
