/** `md <key> <flags>*`: delete a key, or mark its value as stale, perhaps if it is still the same. */
import type { Decision, Entry } from '../../store/key-value.ts'
import type { Command } from '../command.ts'
import { then } from '../command.ts'
import type { MetaFlags } from '../meta-flags.ts'
import { echoes, expiryFlag, metaFlagsOrRefusal, uint64Flag } from '../meta-flags.ts'

export const md: Command = {
  argsMin: 1,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: false,
  run: ({ args }, { store, reply, counters }) => {
    const flags = metaFlagsOrRefusal(args)
    counters.cmd_meta += 1
    return then(
      store.update<Code>(flags.key, (entry) => decide(entry, flags)),
      (code) => {
        if (code === 'HD') counters.delete_hits += 1
        else if (code === 'NF') counters.delete_misses += 1
        if (flags.has('q') && code === 'HD') return
        reply.line(`${code}${echoes(flags)}`)
      },
    )
  },
}

type Code = 'HD' | 'NF' | 'EX'

function decide(entry: Entry | undefined, flags: MetaFlags): Decision<Code> {
  if (entry === undefined) return { result: 'NF' }
  const compared = uint64Flag(flags, 'C')
  if (compared !== undefined && compared !== entry.unique) return { result: 'EX' }
  if (!flags.has('I')) return { result: 'HD', change: { kind: 'delete' } }
  const { value, flags: clientFlags } = entry
  const expiry = expiryFlag(flags, 'T') ?? 'keep'
  return { result: 'HD', change: { kind: 'write', value, flags: clientFlags, expiry, mark: 'stale' } }
}
