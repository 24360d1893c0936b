/**
 * The client's view: what was put into a cart, and confirmed, is in it, once, until it was reported that somebody else wrote
 * at the same time.
 *
 * A shopper reads its cart, with the token of its last confirmed write, adds an item and writes it back. So every later cart
 * of that shopper must have the item: any cart that includes the write, at any holder and in any read, is looked at.
 */
import type { LiveRecord, Notice, SessionKey } from '@reprise/core'
import { FRONTIER_TENURES_MAX } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { ReadResult } from '../ledger.ts'
import { includes } from '../ledger.ts'
import { CART_PORTION, cartOf, itemsOf } from '../shoppers.ts'
import type { Checker, World } from './checker.ts'
import { recordsOf } from './checker.ts'

export class Carts implements Checker {
  readonly #world: World
  /** Sessions of which it was reported that two primaries wrote at the same time. */
  readonly #conflicts = new Set<SessionKey>()
  readonly #checked = new WeakSet<LiveRecord>()

  constructor(world: World) {
    this.#world = world
  }

  onNotice(_node: SimulatedNode, notice: Notice): void {
    if (notice.type === 'conflict') this.#conflicts.add(notice.key)
  }

  onReadEnd({ read, outcome }: ReadResult): void {
    if (outcome.outcome === 'complete') this.#check(read.key, outcome.record, `read at n${read.node}`)
  }

  onQuiet(): void {
    for (const key of this.#world.ledger.keys) {
      for (const { node, record } of recordsOf(this.#world, key)) {
        if (record.kind === 'live') this.#check(key, record, `at ${node.id} in the end`)
      }
    }
  }

  #check(key: SessionKey, record: LiveRecord, where: string): void {
    const cart = cartOf(record)
    const life = this.#world.ledger.life(key, record.birth)
    if (cart === undefined || life === undefined || this.#checked.has(record)) return
    this.#checked.add(record)
    // A full frontier has forgotten its oldest tenures, and with them whether it includes what they wrote.
    const isKnown = record.frontier.length < FRONTIER_TENURES_MAX && !this.#conflicts.has(key)
    const items = itemsOf(cart)
    const known = new Set<string>()
    for (const commit of life.commits) {
      const item = itemsOf(commit.changes.get(CART_PORTION) ?? '').at(-1) as string
      known.add(item)
      const isDue = commit.confirmedCopies !== undefined && includes(record, commit) && isKnown
      if (isDue && !items.includes(item))
        this.#world.violate('carts', `${key}, ${where}, lacks the confirmed item ${item}`)
    }
    for (const [i, item] of items.entries()) {
      if (items.indexOf(item) !== i) this.#world.violate('carts', `${key}, ${where}, has the item ${item} twice`)
      if (!known.has(item)) this.#world.violate('carts', `${key}, ${where}, has the item ${item}, which nobody added`)
    }
  }
}
