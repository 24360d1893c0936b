/** `ms <key> <bytes> <flags>*`: store, in one of five modes, perhaps if the value is still the same. */
import { Buffer } from 'node:buffer'
import type { Change, Entry } from '../../store/key-value.ts'
import { int32 } from '../arguments.ts'
import type { Command } from '../command.ts'
import { then } from '../command.ts'
import type { MetaFlags } from '../meta-flags.ts'
import { echoOf, expiryFlag, metaFlagsOf, modeOf, uint64Flag } from '../meta-flags.ts'
import { BAD_FORMAT, MemcachedRefusal } from '../refusal.ts'

export const ms: Command = {
  argsMin: 1,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: false,
  blockBytes: ([, byteLength]) => {
    const value = int32(byteLength)
    if (value < 0) throw new MemcachedRefusal(BAD_FORMAT)
    return value
  },
  run: ({ args: [key = '', , ...given], block }, { store, reply, counters, uses }) => {
    const flags = metaFlagsOf([key, ...given])
    const mode = modeOf(flags) ?? 's'
    if (!MODES.has(mode)) throw new MemcachedRefusal('CLIENT_ERROR invalid mode for ms M token')
    counters.cmd_set += 1
    counters.cmd_meta += 1
    const unique = uint64Flag(flags, 'E') ?? store.takeUnique()
    const stored = store.update<Code>(flags.key, (entry) => {
      const refusal = refusalOf(entry, mode, flags)
      if (refusal !== undefined) return { result: refusal }
      return { result: 'HD', change: changeTo(entry, mode, block, flags, unique) }
    })
    return then(stored, (code) => {
      if (code === 'HD') {
        counters.total_items += 1
        uses.stored(flags.key.toString('latin1'))
        if (flags.has('q')) return
      }
      const told = flags.list.map(([flag, token]) => {
        if (flag === 'c') return ` c${code === 'HD' ? unique : 0}`
        return echoOf(flag, token, flags) ?? ''
      })
      reply.line(`${code}${told.join('')}`)
    })
  },
}

type Code = 'HD' | 'NS' | 'EX' | 'NF'

function refusalOf(entry: Entry | undefined, mode: string, flags: MetaFlags): Code | undefined {
  const compared = uint64Flag(flags, 'C')
  if (compared !== undefined) {
    if (entry === undefined) return 'NF'
    if (compared !== entry.unique && !isInvalidated(entry, flags, compared)) return 'EX'
  }
  const wantsThere = mode === 'a' || mode === 'p' || mode === 'r'
  if (wantsThere && entry === undefined) return 'NS'
  return mode === 'e' && entry !== undefined ? 'NS' : undefined
}

/** With `I` an older value is taken, too, and is stale at once. */
function isInvalidated(entry: Entry, flags: MetaFlags, compared: bigint): boolean {
  return flags.has('I') && compared < entry.unique
}

function changeTo(entry: Entry | undefined, mode: string, block: Uint8Array, flags: MetaFlags, unique: bigint): Change {
  const compared = uint64Flag(flags, 'C')
  const isStale = entry !== undefined && compared !== undefined && isInvalidated(entry, flags, compared)
  const mark = isStale ? 'stale' : 'none'
  if (entry !== undefined && (mode === 'a' || mode === 'p')) {
    const value = Buffer.concat(mode === 'a' ? [entry.value, block] : [block, entry.value])
    return { kind: 'write', value, flags: entry.flags, expiry: 'keep', mark, unique }
  }
  const clientFlags = Number(flags.token('F') ?? 0)
  return { kind: 'write', value: block, flags: clientFlags, expiry: expiryFlag(flags, 'T') ?? 'none', mark, unique }
}

/** Set, add, append, prepend, replace. */
const MODES: ReadonlySet<string> = new Set(['s', 'e', 'a', 'p', 'r'])
