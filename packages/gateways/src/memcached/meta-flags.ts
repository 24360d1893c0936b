/**
 * The flags of meta commands: one character each, some with a token right behind it, none of them twice.
 */
import { Buffer } from 'node:buffer'
import type { Expiry } from '../store/key-value.ts'
import { expiryOf, keyOf, seconds, uint32, uint64 } from './arguments.ts'
import { MEMCACHED_KEY_BYTES_MAX, OPAQUE_BYTES_MAX } from './constants.ts'
import { BAD_FORMAT, MemcachedRefusal } from './refusal.ts'

export interface MetaFlags {
  /** In the order in which they were given, each with its token. */
  readonly list: readonly (readonly [flag: string, token: string])[]
  readonly key: Buffer
  /** As the client wrote it. */
  readonly shownKey: string
  has(flag: string): boolean
  /** The token of a flag that was given. */
  token(flag: string): string | undefined
}

/** The same for commands that say of no flag what is wrong with it. @throws MemcachedRefusal */
export function metaFlagsOrRefusal(args: readonly string[]): MetaFlags {
  try {
    return metaFlagsOf(args)
  } catch (error) {
    if (!(error instanceof MemcachedRefusal) || error.message === BAD_FORMAT) throw error
    throw new MemcachedRefusal('CLIENT_ERROR invalid or duplicate flag', { cause: error })
  }
}

/** @param args the key, and the flags. @throws MemcachedRefusal */
export function metaFlagsOf([shownKey = '', ...given]: readonly string[]): MetaFlags {
  if (shownKey.length > MEMCACHED_KEY_BYTES_MAX || shownKey === '') throw new MemcachedRefusal(BAD_FORMAT)
  const tokens = new Map<string, string>()
  for (const text of given) {
    const flag = text.charAt(0)
    if (tokens.has(flag)) throw new MemcachedRefusal('CLIENT_ERROR duplicate flag')
    if (!KNOWN.has(flag)) throw new MemcachedRefusal('CLIENT_ERROR invalid flag')
    tokens.set(flag, text.slice(1))
  }
  const key = tokens.has('b') ? decodeKey(shownKey) : keyOf(shownKey)
  const flags: MetaFlags = {
    list: [...tokens],
    key,
    shownKey,
    has: (flag) => tokens.has(flag),
    token: (flag) => tokens.get(flag),
  }
  assertTokens(flags)
  return flags
}

/** An answer's flags that say again what was asked. That a key is in base64 is said where the key is. */
export function echoOf(flag: string, token: string, { shownKey, has }: MetaFlags): string | undefined {
  if (flag === 'O') return ` O${token}`
  return flag === 'k' ? ` k${shownKey}${has('b') ? ' b' : ''}` : undefined
}

/** All of them. */
export function echoes(flags: MetaFlags): string {
  return flags.list.map(([flag, token]) => echoOf(flag, token, flags) ?? '').join('')
}

/** The end that a flag with seconds says; undefined: it was not given. */
export function expiryFlag(flags: MetaFlags, flag: string): Expiry | undefined {
  const token = flags.token(flag)
  return token === undefined ? undefined : expiryOf(token, BAD_TOKEN)
}

export function uint64Flag(flags: MetaFlags, flag: string, refusal: string = BAD_TOKEN): bigint | undefined {
  const token = flags.token(flag)
  return token === undefined ? undefined : uint64(token, refusal)
}

/** The mode that `M` chooses, in lower case. */
export function modeOf(flags: MetaFlags): string | undefined {
  return flags.token('M')?.toLowerCase()
}

/** Every token is looked at before anything is done. */
function assertTokens(flags: MetaFlags): void {
  for (const flag of ['N', 'T', 'R']) {
    const token = flags.token(flag)
    if (token !== undefined) seconds(token, BAD_TOKEN)
  }
  const clientFlags = flags.token('F')
  if (clientFlags !== undefined) uint32(clientFlags)
  uint64Flag(flags, 'C')
  uint64Flag(flags, 'E')
  uint64Flag(flags, 'J', 'CLIENT_ERROR invalid numeric initial value')
  uint64Flag(flags, 'D', 'CLIENT_ERROR invalid numeric delta value')
  const mode = flags.token('M')
  if (mode !== undefined && mode.length !== 1) throw new MemcachedRefusal('CLIENT_ERROR incorrect length for M token')
  if ((flags.token('O') ?? '').length > OPAQUE_BYTES_MAX)
    throw new MemcachedRefusal('CLIENT_ERROR opaque token too long')
}

function decodeKey(text: string): Buffer {
  const bytes = BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  if (bytes.length === 0) throw new MemcachedRefusal('CLIENT_ERROR error decoding key')
  return bytes
}

const BAD_TOKEN = 'CLIENT_ERROR bad token in command line format'
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const KNOWN: ReadonlySet<string> = new Set('bcCDEFfhIJklLMNOPqRsTtuv')
