/**
 * Sessions as the admin server speaks of them: their ids in a path, their values in JSON, and what is told of one.
 *
 * ```
 *  id      percent-encoded utf-8, or base64url:BYTES
 *  value   plain data as it is; bytes as { "base64": "…" }; in a change, null removes the portion
 * ```
 */
import { Buffer } from 'node:buffer'
import type { JsonValue, PortionValue, ResumeOrigin, Session, SessionIdInput } from '@reprise/core'
import { UsageError } from '@reprise/core'
import { inspectSession } from '@reprise/node'
import { RequestError } from '../errors.ts'

const BYTES_PREFIX = 'base64url:'

/** The id that a path names. @throws UsageError */
export function parseId(text: string): SessionIdInput {
  if (!text.startsWith(BYTES_PREFIX)) return text
  const encoded = text.slice(BYTES_PREFIX.length)
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) throw new UsageError('an id after base64url: is bytes in base64url')
  return new Uint8Array(Buffer.from(encoded, 'base64url'))
}

/** An id as `parseId` takes it. */
function formatId(id: Uint8Array): string {
  const bytes = Buffer.from(id.buffer, id.byteOffset, id.length)
  const text = bytes.toString('utf8')
  const isText = !text.startsWith(BYTES_PREFIX) && Buffer.from(text, 'utf8').equals(bytes)
  return isText ? text : `${BYTES_PREFIX}${bytes.toString('base64url')}`
}

/** What a value of a request is set to; undefined removes the portion. @throws UsageError */
export function parseValue(name: string, value: unknown): PortionValue | undefined {
  if (value === null) return undefined
  if (typeof value !== 'object' || !('base64' in value) || Object.keys(value).length > 1) return value as JsonValue
  const { base64 } = value
  if (typeof base64 === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    return new Uint8Array(Buffer.from(base64, 'base64'))
  throw new UsageError(`portion ${name}: { "base64": … } has bytes in base64`)
}

function formatValue(value: PortionValue | undefined): unknown {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value
}

export interface Description {
  readonly outcome: 'complete' | 'partial'
  readonly missing: readonly string[]
  readonly origin: ResumeOrigin
  /** The portions that were asked for; undefined: all. What else is here is not told. */
  readonly asked: readonly string[] | undefined
  /** Tell the values too. */
  readonly reveal: boolean
}

/** What is told of a session. @throws SealError when a sealed value is to be told and cannot be opened. */
export function describeSession(session: Session, { outcome, missing, origin, asked, reveal }: Description): object {
  const facts = inspectSession(session)
  if (facts === undefined)
    throw new RequestError(501, 'NOT_SUPPORTED', 'this node shows no sessions', 'ask a node itself')
  const names = session.portions.filter((name) => asked?.includes(name) ?? true)
  const portions = names.map((name) => {
    const told = { ...facts.portions.get(name), ...(reveal && { value: formatValue(session.get(name)) }) }
    return [name, told] as const
  })
  return {
    schemaVersion: 1,
    id: formatId(session.id),
    outcome,
    portions: Object.fromEntries(portions),
    ...(missing.length > 0 && { missing }),
    origin,
    ...(session.version !== undefined && { token: session.version }),
    idleMsLeft: Math.round(facts.idleMsLeft),
    absoluteMsLeft: Math.round(facts.absoluteMsLeft),
  }
}
