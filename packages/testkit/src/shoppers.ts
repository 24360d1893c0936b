/**
 * Clients whose carts are counted: each has a session of its own, reads it, adds an item and writes it back, one visit after
 * the other, at whatever node it is sent to. It shows the token of its last confirmed write and expects what it promises.
 *
 * What must be in a cart in the end can be said exactly, which `checkers/carts.ts` does.
 */
import { Buffer } from 'node:buffer'
import type { Birth, LiveRecord, SessionKey, WriteProof } from '@reprise/core'
import { toSessionKey } from '@reprise/core'
import type { Cluster, SimulatedNode } from './cluster.ts'
import type { EventQueue } from './event-queue.ts'
import type { Random } from './random.ts'
import type { Requests } from './requests.ts'
import type { Visits, WorkloadComponents, WorkloadOptions } from './workload.ts'

export const CART_PORTION = 'cart'

/** The keys of all carts of a run. */
export function cartKeys({ shoppers }: WorkloadOptions): SessionKey[] {
  return Array.from({ length: shoppers }, (_, i) => toSessionKey(`cart${i}`))
}

/** The items in a cart, in the order in which they were added. */
export function itemsOf(text: string): string[] {
  return text === '' ? [] : text.split(',')
}

/** The cart of a record; undefined when it has none, or not here. */
export function cartOf(record: LiveRecord): string | undefined {
  const value = record.portions.get(CART_PORTION)?.value
  return value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')
    : undefined
}

export class Shoppers {
  readonly #options: WorkloadOptions
  readonly #visits: Visits
  readonly #cluster: Cluster
  readonly #queue: EventQueue
  readonly #requests: Requests
  #isRunning = false
  slowness = 1

  constructor(options: WorkloadOptions, visits: Visits, { cluster, queue, requests }: WorkloadComponents) {
    this.#options = options
    this.#visits = visits
    this.#cluster = cluster
    this.#queue = queue
    this.#requests = requests
  }

  start(): void {
    this.#isRunning = true
    for (const [i, key] of cartKeys(this.#options).entries()) this.#think(new Shopper(i, key))
  }

  stop(): void {
    this.#isRunning = false
  }

  #think(shopper: Shopper): void {
    const { random, isMade } = this.#visits.begin(FIRST_SHOPPER + shopper.number, shopper.visits++)
    const delayMs = -Math.log(1 - random.fraction()) * this.#options.thinkMs * this.slowness
    this.#queue.after(delayMs, () => {
      if (!this.#isRunning) return
      let isOver = !isMade
      const end = (): void => {
        if (!isOver) this.#think(shopper)
        isOver = true
      }
      if (!isMade) return this.#think(shopper)
      this.#visit(shopper, random, end)
      // Nobody answers: the node went, or the client gave up.
      if (!isOver) this.#queue.after(PATIENCE_MS, end)
    })
  }

  #visit(shopper: Shopper, random: Random, onEnd: () => void): void {
    if (shopper.node?.isRunning !== true || random.chance(this.#options.moveRate)) {
      const running = this.#cluster.nodes.filter((node) => node.isRunning)
      shopper.node = running.length === 0 ? undefined : random.pick(running)
    }
    const { node } = shopper
    if (node === undefined) return onEnd()
    const isLeaving = random.chance(LOGOUT_RATE)
    const read = { key: shopper.key, consistency: 'latest', portions: undefined, proof: shopper.proof } as const
    this.#requests.resume(node, read, Math.round(random.between(200, 1_000)), random, (outcome) => {
      if (outcome?.outcome === 'complete') {
        const { birth } = outcome.record
        if (isLeaving) this.#logOut(shopper, node, birth, random, onEnd)
        else this.#add(shopper, node, birth, cartOf(outcome.record) ?? '', random, onEnd)
      } else if (outcome?.outcome === 'absent') this.#create(shopper, node, random, onEnd)
      else onEnd()
    })
  }

  #create(shopper: Shopper, node: SimulatedNode, random: Random, onEnd: () => void): void {
    if (!node.isRunning) return onEnd()
    shopper.proof = undefined
    this.#requests.create(node, shopper.key, this.#options, 500, random, (birth) => {
      if (birth === undefined) return onEnd()
      this.#add(shopper, node, birth, '', random, onEnd)
    })
  }

  #add(shopper: Shopper, node: SimulatedNode, birth: Birth, cart: string, random: Random, onEnd: () => void): void {
    if (!this.#requests.mayWrite(node, shopper.key, birth)) return onEnd()
    const item = `${shopper.number}.${shopper.items++}`
    const changes = new Map([[CART_PORTION, cart === '' ? item : `${cart},${item}`]])
    const copies = Math.min(random.chance(0.5) ? 1 : 2, this.#cluster.options.copies)
    const waitMs = Math.round(random.between(200, 1_500))
    this.#requests.commit(node, shopper.key, birth, changes, { copies, waitMs }, random, (proof) => {
      if (proof !== undefined) shopper.proof = proof
      onEnd()
    })
  }

  #logOut(shopper: Shopper, node: SimulatedNode, birth: Birth, random: Random, onEnd: () => void): void {
    if (!this.#requests.mayWrite(node, shopper.key, birth)) return onEnd()
    this.#requests.drop(node, shopper.key, birth, 1, Math.round(random.between(200, 1_500)), random, () => onEnd())
  }
}

class Shopper {
  readonly number: number
  readonly key: SessionKey
  visits = 0
  items = 0
  node: SimulatedNode | undefined
  proof: WriteProof | undefined

  constructor(number: number, key: SessionKey) {
    this.number = number
    this.key = key
  }
}

/** Visits of shoppers are numbered behind those of all other clients. */
const FIRST_SHOPPER = 50
const LOGOUT_RATE = 0.04
/** Longer than any request of a shopper takes. */
const PATIENCE_MS = 2_600
