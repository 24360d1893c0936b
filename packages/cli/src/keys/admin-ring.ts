/** The ring of ticket keys of a service, over the admin server of any node: a sealed session of the cluster. */
import { decodeRing, encodeRing, RING_PORTION, ringIdOf, ringLifetime, type TicketKey } from '@reprise/tls'
import { isRecord } from '../config/config-file.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { sessionOf } from '../inquiry/documents.ts'
import { askAny, type Target } from '../inquiry/target.ts'

/** A `TicketRingStore`. */
export class AdminRing {
  readonly #target: Target
  readonly #path: string
  readonly #rotateMs: number

  /** @param rotateMs how often the keys change, which says how long a ring lives that nobody looks after. */
  constructor(target: Target, context: string, rotateMs: number) {
    this.#target = target
    this.#path = `/sessions/${encodeURIComponent(ringIdOf(context))}`
    this.#rotateMs = rotateMs
  }

  async read(): Promise<readonly TicketKey[] | undefined> {
    try {
      const body = { portions: [RING_PORTION] }
      const answer = await askAny(this.#target, { method: 'POST', path: `${this.#path}/resume?reveal=1`, body })
      const { value } = sessionOf(answer.endpoint, answer.body).portions[RING_PORTION] ?? {}
      const base64 = isRecord(value) ? value['base64'] : undefined
      const ring = decodeRing(typeof base64 === 'string' ? Buffer.from(base64, 'base64') : undefined)
      // Not "there is none": what cannot be read is not to be written over.
      if (ring === undefined) throw unreadable()
      return ring
    } catch (error) {
      if (error instanceof CommandError && error.code === 'ABSENT') return undefined
      throw error
    }
  }

  async create(keys: readonly TicketKey[]): Promise<void> {
    await this.#put(keys, { create: true, ...ringLifetime(this.#rotateMs) })
  }

  async replace(keys: readonly TicketKey[]): Promise<void> {
    await this.#put(keys, {})
  }

  async #put(keys: readonly TicketKey[], more: object): Promise<void> {
    const portions = { [RING_PORTION]: { base64: encodeRing(keys).toString('base64') } }
    await askAny(this.#target, { method: 'PUT', path: this.#path, body: { portions, seal: true, ...more } })
  }
}

function unreadable(): CommandError {
  return new CommandError({
    what: 'the ring of ticket keys cannot be read',
    why: 'its key is missing at the node that was asked, or a later version of Reprise wrote it',
    next: 'give all nodes the same secret, and use the command of the version that the nodes run',
    exitCode: ExitCode.failure,
  })
}
