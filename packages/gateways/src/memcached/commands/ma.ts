/** `ma <key> <flags>*`: add to the number that a key has, or take from it, and make it where it is not there. */
import type { Decision, Entry, KeyValueStore } from '../../store/key-value.ts'
import type { Direction } from '../arithmetic.ts'
import { addTo, digits } from '../arithmetic.ts'
import type { Command } from '../command.ts'
import { then } from '../command.ts'
import type { MetaFlags } from '../meta-flags.ts'
import { echoOf, expiryFlag, metaFlagsOrRefusal, modeOf, uint64Flag } from '../meta-flags.ts'
import { MemcachedRefusal } from '../refusal.ts'

export const ma: Command = {
  argsMin: 1,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: false,
  run: ({ args }, { store, reply, counters }) => {
    const flags = metaFlagsOrRefusal(args)
    const direction = directionOf(flags)
    counters.cmd_meta += 1
    return then(
      store.update<Outcome>(flags.key, (entry) => decide(entry, flags, direction, store)),
      (outcome) => {
        if (typeof outcome === 'string') {
          if (outcome === 'NF') counters[`${direction}_misses`] += 1
          reply.line(`${outcome}${told(flags, undefined)}`)
          return
        }
        counters[`${direction}_hits`] += 1
        if (flags.has('q')) return
        const text = `${outcome.number}`
        reply.line(`${flags.has('v') ? `VA ${text.length}` : 'HD'}${told(flags, outcome)}`)
        if (flags.has('v')) reply.line(text)
      },
    )
  },
}

interface Changed {
  readonly number: bigint
  readonly unique: bigint
  readonly ttlMs: number | undefined
}

type Outcome = Changed | 'NF' | 'EX'

function directionOf(flags: MetaFlags): Direction {
  const mode = modeOf(flags) ?? 'i'
  if (mode === 'i' || mode === '+') return 'incr'
  if (mode === 'd' || mode === '-') return 'decr'
  throw new MemcachedRefusal('CLIENT_ERROR invalid mode for ma M token')
}

function decide(
  entry: Entry | undefined,
  flags: MetaFlags,
  direction: Direction,
  store: KeyValueStore,
): Decision<Outcome> {
  const unique = uint64Flag(flags, 'E') ?? store.takeUnique()
  if (entry === undefined) {
    const expiry = expiryFlag(flags, 'N')
    if (expiry === undefined) return { result: 'NF' }
    const number = uint64Flag(flags, 'J') ?? 0n
    const ttlMs = typeof expiry === 'object' && 'afterMs' in expiry ? expiry.afterMs : undefined
    return { result: { number, unique, ttlMs }, change: { kind: 'write', value: digits(number), expiry, unique } }
  }
  const compared = uint64Flag(flags, 'C')
  if (compared !== undefined && compared !== entry.unique) return { result: 'EX' }
  const number = addTo(entry.value, uint64Flag(flags, 'D') ?? 1n, direction)
  const expiry = expiryFlag(flags, 'T')
  const ttlMs = typeof expiry === 'object' && 'afterMs' in expiry ? expiry.afterMs : entry.ttlMs
  const change = { kind: 'write', value: digits(number), flags: entry.flags, expiry: expiry ?? 'keep', unique } as const
  return { result: { number, unique, ttlMs: expiry === 'none' ? undefined : ttlMs }, change }
}

function told(flags: MetaFlags, changed: Changed | undefined): string {
  const parts = flags.list.map(([flag, token]) => {
    if (flag === 'c' && changed !== undefined) return ` c${changed.unique}`
    if (flag === 't' && changed !== undefined) {
      return ` t${changed.ttlMs === undefined ? -1 : Math.max(0, Math.round(changed.ttlMs / 1_000))}`
    }
    return echoOf(flag, token, flags) ?? ''
  })
  return parts.join('')
}
