/**
 * Whatever is bounded stays within its bounds, at every moment and at every node: the table's bytes, stubs, pulls, members,
 * and what waits for a node that is behind.
 */
import { FLIGHTS_MAX, MEMBERS_MAX, PENDING_DELTAS_MAX, STUBS_MAX } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Checker, World } from './checker.ts'

export class Bounds implements Checker {
  readonly #world: World
  #checkpoints = 0

  constructor(world: World) {
    this.#world = world
  }

  onCheckpoint(): void {
    for (const node of this.#world.cluster.up()) {
      const { bytes, bytesMax, size } = node.table
      // What is owed to others is not evicted, so the budget is not exact.
      if (bytes > 2 * bytesMax) this.#world.violate('bounds', `${node.id} keeps ${bytes} bytes in ${size} records`)
    }
    // A whole status is dear; what it tells does not come and go between two looks.
    if (this.#checkpoints++ % STATUS_CHECKPOINTS !== 0) return
    for (const node of this.#world.cluster.up()) this.#checkStatus(node)
  }

  #checkStatus(node: SimulatedNode): void {
    const status = node.replica?.status()
    if (status === undefined) return
    const { members, table, pulls, streams } = status
    this.#expect(node, 'members', members.length, MEMBERS_MAX)
    this.#expect(node, 'stubs', table.stubs, STUBS_MAX)
    this.#expect(node, 'pulls', pulls.underWay, FLIGHTS_MAX)
    // A write that waits for copies is one that was sent, or is about to be.
    this.#expect(node, 'writes that wait', streams.waiting, PENDING_DELTAS_MAX)
  }

  #expect(node: SimulatedNode, what: string, count: number, max: number): void {
    if (count > max) this.#world.violate('bounds', `${node.id} has ${count} ${what} of at most ${max}`)
  }
}

const STATUS_CHECKPOINTS = 10
