/**
 * The sessions that clients have, as their clients know them: a slot for each that is in use at a time, and a number for each life.
 *
 * What is known of a session is what its client was told: the token of the last answer to a write, which later requests carry, and the items
 * that this token proves.
 */
import { randomUUID } from 'node:crypto'
import type { Random } from '@reprise/testkit'

export interface ClientSession {
  readonly number: number
  readonly id: string
  readonly idleMs: number
  token: string | undefined
  /** In the cart, as the token proves. */
  proven: readonly string[]
  /** Items that were ever put in, confirmed or not. */
  itemsCount: number
  /** When it ends by itself, as far as can be relied on. */
  endsMs: number
  /** A client is at it. */
  isBusy: boolean
}

export interface SessionPoolInit {
  /** Sessions in use at a time. */
  readonly keys: number
  readonly zipf: number
  /** How long a session lives unused; drawn for each. */
  drawIdleMs(): number
  readonly random: Random
}

/** Slots that are drawn by Zipf's law, and the sessions in them. */
export class SessionPool {
  /** Every session that there ever was, by its number. */
  readonly all: ClientSession[] = []
  readonly #slots: (ClientSession | undefined)[]
  /** Slots that a client is about to fill. */
  readonly #filling = new Set<number>()
  /** The sum of the weights up to each slot. */
  readonly #weights: readonly number[]
  readonly #init: SessionPoolInit

  constructor(init: SessionPoolInit) {
    this.#init = init
    this.#slots = new Array<ClientSession | undefined>(init.keys).fill(undefined)
    let sum = 0
    this.#weights = Array.from({ length: init.keys }, (_, rank) => (sum += (rank + 1) ** -init.zipf))
  }

  /** A slot at which nobody is; undefined when the popular ones are all taken. */
  drawSlot(): number | undefined {
    for (let i = 0; i < DRAWS_MAX; i++) {
      const slot = this.#draw()
      if (!this.#filling.has(slot) && this.#slots[slot]?.isBusy !== true) return slot
    }
    return undefined
  }

  at(slot: number): ClientSession | undefined {
    return this.#slots[slot]
  }

  /** Somebody is about to fill the slot. */
  reserve(slot: number): void {
    this.#filling.add(slot)
  }

  /** A new session, which is in no slot yet. */
  create(): ClientSession {
    const session: ClientSession = {
      number: this.all.length,
      id: `cart-${randomUUID()}`,
      idleMs: this.#init.drawIdleMs(),
      token: undefined,
      proven: [],
      itemsCount: 0,
      endsMs: Number.NEGATIVE_INFINITY,
      isBusy: false,
    }
    this.all.push(session)
    return session
  }

  /** The new session is there, or none could be made. */
  fill(slot: number, session: ClientSession | undefined): void {
    this.#filling.delete(slot)
    this.#slots[slot] = session
  }

  /** The session has ended. */
  clear(slot: number): void {
    this.#slots[slot] = undefined
  }

  #draw(): number {
    const total = this.#weights.at(-1) ?? 0
    const at = this.#init.random.fraction() * total
    let [low, high] = [0, this.#weights.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#weights[middle] ?? 0) > at) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** Tries before a client goes away: all popular sessions are in use. */
const DRAWS_MAX = 16
