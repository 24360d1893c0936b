/** What a store is told when it is made, checked once and completed with defaults. */
import { Buffer } from 'node:buffer'
import { ID_BYTES_MAX, UsageError } from '@reprise/core'
import type { Node } from '@reprise/node'
import {
  LIFE_MS_MAX,
  LIFE_MS_MAX_DEFAULT,
  PREFIX_BYTES_MAX,
  PREFIX_DEFAULT,
  READ_DEADLINE_MS_DEFAULT,
  READ_DEADLINE_MS_MAX,
  REFUSED_DEFAULT,
  VALUE_BYTES_MAX,
  VALUE_BYTES_MAX_DEFAULT,
  WRITE_DEADLINE_MS_DEFAULT,
  WRITE_DEADLINE_MS_MAX,
} from '../constants.ts'
import type { KeyValueLimits } from './key-value.ts'
import { PrefixRules } from './prefix-rules.ts'

/** What a store needs of a node: one that `createNode` made, or the service that `sessionCache` made. */
export type KeyValueNode = Pick<Node, 'createNow' | 'resume' | 'local' | 'heldIds'>

export interface KeyValueOptions {
  /** The store does not stop it. */
  readonly node: KeyValueNode
  /** What the ids of its sessions begin with in the cluster; equal at all nodes. At most 64 bytes. Default `kv:`. */
  readonly prefix?: string
  /** Only keys that begin with one of these. Default: all. */
  readonly serve?: readonly string[]
  /** No keys that begin with one of these. Default `authn-socache:` and `cache-socache:`; a list replaces it. */
  readonly refuse?: readonly string[]
  /** How long others are asked for what is not here, in milliseconds; then it is a miss. Default 20. */
  readonly readDeadlineMs?: number
  /**
   * How long a value of 1 to 16 KiB may look for its first holder, in milliseconds; then it is not stored, and its writer told. Smaller
   * ones need none. Default 80.
   */
  readonly writeDeadlineMs?: number
  /** Bytes of a value. Default 1 MiB, at most 15 MiB. */
  readonly valueBytesMax?: number
  /**
   * How long anything lives after it was written, in milliseconds; longer expiries are cut to it, and a key without one is
   * forgotten between half of it and the whole. Equal at all nodes. Default 30 days, at most 365.
   */
  readonly lifeMsMax?: number
}

export interface ResolvedKeyValueOptions {
  readonly node: KeyValueNode
  /** As Latin-1 text of its bytes. */
  readonly prefix: string
  readonly rules: PrefixRules
  readonly readDeadlineMs: number
  readonly writeDeadlineMs: number
  readonly limits: KeyValueLimits
}

/** @throws UsageError */
export function resolveKeyValueOptions(options: KeyValueOptions): ResolvedKeyValueOptions {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw new UsageError(`unknown option ${name}; known are ${[...KNOWN].join(', ')}`)
  }
  const { node, prefix = PREFIX_DEFAULT, refuse = REFUSED_DEFAULT } = options
  const prefixBytes = Buffer.from(prefix, 'utf8')
  if (!prefix.isWellFormed() || prefixBytes.length > PREFIX_BYTES_MAX) {
    throw new UsageError(`prefix is text of at most ${PREFIX_BYTES_MAX} bytes`)
  }
  const { readDeadlineMs = READ_DEADLINE_MS_DEFAULT, valueBytesMax = VALUE_BYTES_MAX_DEFAULT } = options
  return {
    node,
    prefix: prefixBytes.toString('latin1'),
    rules: new PrefixRules(options.serve, refuse),
    writeDeadlineMs: number(
      'writeDeadlineMs',
      options.writeDeadlineMs ?? WRITE_DEADLINE_MS_DEFAULT,
      0,
      WRITE_DEADLINE_MS_MAX,
    ),
    readDeadlineMs: number('readDeadlineMs', readDeadlineMs, 0, READ_DEADLINE_MS_MAX),
    limits: {
      keyBytesMax: ID_BYTES_MAX - prefixBytes.length,
      valueBytesMax: number('valueBytesMax', valueBytesMax, 1, VALUE_BYTES_MAX),
      lifeMsMax: Math.ceil(number('lifeMsMax', options.lifeMsMax ?? LIFE_MS_MAX_DEFAULT, 1_000, LIFE_MS_MAX)),
    },
  }
}

function number(name: string, value: number, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new UsageError(`${name} must be a number from ${min} to ${max}, not ${String(value)}`)
}

const KNOWN: ReadonlySet<string> = new Set<keyof KeyValueOptions>([
  'node',
  'prefix',
  'serve',
  'refuse',
  'readDeadlineMs',
  'writeDeadlineMs',
  'valueBytesMax',
  'lifeMsMax',
])
