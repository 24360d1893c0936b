/**
 * What a repository's file says of itself, and the clock that goes on while nobody runs.
 *
 * ```
 * header := format:u8 cluster:text node:text stored:u48 wall:u48
 * ```
 *
 * The repository's clock advances like the node's while it lives (rule E3: by whichever of the monotonic and the wall clock
 * advanced more). Each batch stores what it said together with the wall clock: how far that one went on until the next life
 * is how long the repository was down. When it was set back meanwhile that is not known, and counts as nothing.
 */
import { Reader, WireError, Writer } from '@reprise/core'
import type { Clock } from '../clock.ts'
import { RepositoryError } from '../errors.ts'

/** Whose file it is. */
export interface StoreOwner {
  readonly cluster: string
  readonly nodeId: string
}

export class StoreClock {
  readonly #clock: Clock
  readonly #baseMs: number

  /** @param last what the repository's clock and the wall clock said when the file was written last. */
  constructor(clock: Clock, last: { readonly storedMs: number; readonly wallMs: number } | undefined) {
    this.#clock = clock
    const { nowMs, wallMs } = clock.now()
    const downMs = last === undefined ? 0 : Math.max(0, wallMs - last.wallMs)
    this.#baseMs = (last?.storedMs ?? 0) + downMs - nowMs
  }

  /** The node's time, and the same on the repository's clock. */
  now(): { readonly nowMs: number; readonly wallMs: number; readonly storedMs: number } {
    const { nowMs, wallMs } = this.#clock.now()
    return { nowMs, wallMs, storedMs: nowMs + this.#baseMs }
  }
}

export function encodeHeader(owner: StoreOwner, clock: StoreClock): Uint8Array {
  const { storedMs, wallMs } = clock.now()
  const out = new Writer()
  out.u8(FORMAT)
  out.text(owner.cluster)
  out.text(owner.nodeId)
  out.u48(Math.floor(storedMs))
  out.u48(Math.floor(wallMs))
  return out.finish()
}

/** @throws RepositoryError when the file is not this node's. */
export function openClock(header: Uint8Array | undefined, owner: StoreOwner, clock: Clock): StoreClock {
  if (header === undefined) return new StoreClock(clock, undefined)
  const { format, cluster, nodeId, ...last } = decodeHeader(header)
  if (format !== FORMAT) {
    throw new RepositoryError(`its format is ${format}, this version reads ${FORMAT}`, { code: 'REPOSITORY_FOREIGN' })
  }
  if (cluster !== owner.cluster) {
    throw new RepositoryError(`it belongs to the cluster ${JSON.stringify(cluster)}`, { code: 'REPOSITORY_FOREIGN' })
  }
  if (nodeId !== owner.nodeId)
    throw new RepositoryError(`it belongs to the node ${nodeId}`, { code: 'REPOSITORY_FOREIGN' })
  return new StoreClock(clock, last)
}

function decodeHeader(bytes: Uint8Array): StoreOwner & { format: number; storedMs: number; wallMs: number } {
  try {
    const reader = new Reader(bytes)
    const format = reader.u8()
    const cluster = reader.text()
    const nodeId = reader.text()
    const storedMs = reader.u48()
    const wallMs = reader.u48()
    reader.end()
    return { format, cluster, nodeId, storedMs, wallMs }
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause
    throw new RepositoryError('its header is not one of a repository', { code: 'REPOSITORY_FOREIGN', cause })
  }
}

const FORMAT = 1
