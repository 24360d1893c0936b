/** `mg <key> <flags>*`: look at a key, and do one or two things to it. */
import type { Entry, Expiry, KeyValueStore, Mark } from '../../store/key-value.ts'
import type { Command, Context } from '../command.ts'
import { then } from '../command.ts'
import type { MetaFlags } from '../meta-flags.ts'
import { echoes, echoOf, expiryFlag, metaFlagsOf } from '../meta-flags.ts'
import type { Use } from '../uses.ts'

export const mg: Command = {
  argsMin: 1,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: false,
  run: ({ args }, context) => {
    const flags = metaFlagsOf(args)
    const { counters, uses, store } = context
    counters.cmd_get += 1
    counters.cmd_meta += 1
    const name = flags.key.toString('latin1')
    const use = flags.has('h') || flags.has('l') ? uses.last(name) : undefined
    const seen = CHANGING.some((flag) => flags.has(flag)) ? lookAndChange(store, flags) : look(store, flags)
    return then(seen, (found) => {
      if (found === undefined || found.isMade) counters.get_misses += 1
      else counters.get_hits += 1
      if (found !== undefined && !flags.has('u')) uses.fetched(name)
      answer(found, flags, use, context)
    })
  },
}

/** What a look found, and made of it. */
interface Seen {
  readonly entry: Entry
  readonly ttlMs: number | undefined
  /** It was not there. */
  readonly isMade: boolean
  /** This client is the one to make the value anew. */
  readonly hasWon: boolean
}

function look(store: KeyValueStore, flags: MetaFlags): Seen | undefined | Promise<Seen | undefined> {
  const found = store.get(flags.key)
  const asSeen = (entry: Entry | undefined): Seen | undefined | Promise<Seen | undefined> => {
    // Of what is stale somebody is told to make it anew, and that is remembered.
    if (entry?.mark === 'stale') return lookAndChange(store, flags)
    return entry && { entry, ttlMs: entry.ttlMs, isMade: false, hasWon: false }
  }
  return found instanceof Promise ? found.then(asSeen) : asSeen(found)
}

function lookAndChange(store: KeyValueStore, flags: MetaFlags): Seen | undefined | Promise<Seen | undefined> {
  const [expiry, madeExpiry] = [expiryFlag(flags, 'T'), expiryFlag(flags, 'N')]
  const recacheMs = flags.has('R') ? Number(flags.token('R')) * 1_000 : Number.NEGATIVE_INFINITY
  return store.update<Seen | undefined>(flags.key, (entry) => {
    if (entry === undefined) {
      if (madeExpiry === undefined) return { result: undefined }
      const made = { value: NOTHING, flags: 0, mark: 'claimed', unique: store.takeUnique() } as const
      const ttlMs =
        madeExpiry !== 'none' && madeExpiry !== 'keep' && 'afterMs' in madeExpiry ? madeExpiry.afterMs : undefined
      return {
        result: { entry: { ...made, mark: 'none', ttlMs }, ttlMs, isMade: true, hasWon: true },
        change: { ...made, kind: 'write', expiry: madeExpiry },
      }
    }
    const { mark } = entry
    const isFree = mark === 'none' || mark === 'stale'
    const isDue = entry.ttlMs !== undefined && entry.ttlMs < recacheMs
    const hasWon = isFree && (isDue || mark === 'stale')
    const ttlMs = expiry === undefined ? entry.ttlMs : ttlOf(expiry, entry)
    const result = { entry, ttlMs, isMade: false, hasWon }
    if (hasWon) {
      const { value, flags: clientFlags, unique } = entry
      const claimed: Mark = mark === 'stale' ? 'stale-claimed' : 'claimed'
      const change = {
        kind: 'write',
        value,
        flags: clientFlags,
        unique,
        mark: claimed,
        expiry: expiry ?? 'keep',
      } as const
      return { result, change }
    }
    return expiry === undefined ? { result } : { result, change: { kind: 'expire', expiry } }
  })
}

function ttlOf(expiry: Expiry, entry: Entry): number | undefined {
  if (expiry === 'none') return undefined
  if (expiry === 'keep') return entry.ttlMs
  return 'afterMs' in expiry ? expiry.afterMs : expiry.atUnixMs - Date.now()
}

function answer(seen: Seen | undefined, flags: MetaFlags, use: Use | undefined, { reply }: Context): void {
  if (seen === undefined) {
    if (!flags.has('q')) reply.line(`EN${echoes(flags)}`)
    return
  }
  const { entry, hasWon } = seen
  // Flags are worked off in order: a `t` before the `T` tells the time that was left.
  let { ttlMs } = entry
  const told = flags.list.map(([flag, token]) => {
    if (flag === 'T' || flag === 'N') ttlMs = seen.ttlMs
    return echoOf(flag, token, flags) ?? shown(flag, entry, ttlMs, use)
  })
  const won = hasWon ? ' W' : ''
  const stale = entry.mark === 'stale' || entry.mark === 'stale-claimed' ? ' X' : ''
  const sent = entry.mark === 'claimed' || entry.mark === 'stale-claimed' ? ' Z' : ''
  const rest = `${told.join('')}${sent}${stale}${won}`
  if (flags.has('v')) {
    reply.line(`VA ${entry.value.length}${rest}`)
    reply.block(entry.value)
  } else reply.line(`HD${rest}`)
}

/** What a flag asks for, of what was found. */
function shown(flag: string, entry: Entry, ttlMs: number | undefined, use: Use | undefined): string {
  switch (flag) {
    case 'c':
      return ` c${entry.unique}`
    case 'f':
      return ` f${entry.flags}`
    case 'h':
      return use?.isFetched === true ? ' h1' : ' h0'
    case 'l':
      return ` l${use === undefined ? 0 : Math.floor((performance.now() - use.atMs) / 1_000)}`
    case 's':
      return ` s${entry.value.length}`
    case 't':
      return ` t${ttlMs === undefined ? -1 : Math.max(0, Math.round(ttlMs / 1_000))}`
    default:
      return ''
  }
}

/** Flags that change what they find, or make what they do not. */
const CHANGING = ['N', 'R', 'T']
const NOTHING = new Uint8Array()
