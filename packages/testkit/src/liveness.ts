/**
 * Faults that do not end: whether the nodes that are well get along without the others.
 *
 * Faults drawn at random heal too soon to show a system that waits for somebody who never comes back, so here they stay
 * (TigerBeetle's simulator has the same two modes). The core must become ready, write sessions to each other's memory and
 * find them again, while the rest is down, cut off in one direction or both, stopped, or slow.
 */
import type { Birth, SessionKey } from '@reprise/core'
import { toSessionKey } from '@reprise/core'
import type { Cluster, SimulatedNode } from './cluster.ts'
import type { Random } from './random.ts'
import type { Requests } from './requests.ts'
import { PATIENT } from './requests.ts'

export class LivenessProbe {
  readonly #cluster: Cluster
  readonly #requests: Requests
  readonly #random: Random
  readonly #core: readonly SimulatedNode[]
  readonly #shardOf: (key: SessionKey) => number
  #names = 0
  /** The processes that the session under way needs: none is under way when one of them has ended. */
  #underWay: readonly { readonly node: SimulatedNode; readonly life: number }[] = []
  #served = 0

  constructor(
    cluster: Cluster,
    requests: Requests,
    random: Random,
    core: readonly number[],
    shardOf: (key: SessionKey) => number,
  ) {
    this.#cluster = cluster
    this.#requests = requests
    this.#random = random
    this.#core = core.map((node) => cluster.node(node))
    this.#shardOf = shardOf
  }

  /** Why the core does not get along, or undefined when it does. */
  complaint(): string | undefined {
    for (const { id, replica } of this.#core) {
      if (replica === undefined) return `${id} is down`
      if (!replica.isReady) return `${id} is not ready`
    }
    return this.#served < SERVED_MIN ? `${this.#served} of ${SERVED_MIN} sessions were written and found` : undefined
  }

  /** Write a session at one node of the core and read it at another, unless one is under way. */
  probe(): void {
    if (this.#underWay.length > 0 && this.#underWay.every(({ node, life }) => node.isUp && node.life === life)) return
    const [writer, reader] = this.#drawPair()
    if (!writer.isRunning || !reader.isRunning) return
    const name = `alive${this.#names++}`
    const key = toSessionKey(name)
    const copies = this.#copiesWithin(writer, this.#shardOf(key))
    this.#underWay = [writer, reader].map((node) => ({ node, life: node.life }))
    const end = (): void => {
      this.#underWay = []
    }
    const lifetime = { idleMs: 120_000, absoluteMs: 600_000 }
    const onCreated = (birth: Birth | undefined): void => {
      if (birth === undefined) return end()
      const changes = new Map([['auth', name]])
      this.#requests.commit(writer, key, birth, changes, { copies, waitMs: DEADLINE_MS }, PATIENT, (proof) => {
        if (proof === undefined) return end()
        const read = { key, consistency: 'latest', portions: undefined, proof } as const
        this.#requests.resume(reader, read, DEADLINE_MS, PATIENT, (outcome) => {
          if (outcome?.outcome === 'complete') this.#served++
          end()
        })
      })
    }
    this.#requests.create(writer, key, lifetime, DEADLINE_MS, PATIENT, onCreated, true)
  }

  #drawPair(): [SimulatedNode, SimulatedNode] {
    const writer = this.#random.pick(this.#core)
    const others = this.#core.filter((node) => node !== writer)
    return [writer, this.#random.pick(others)]
  }

  /** As many copies as holders of the shard are in the core: more is not in its power. */
  #copiesWithin(writer: SimulatedNode, shard: number): number {
    const ready = this.#core.filter((node) => node !== writer && node.replica?.isCounted(shard) === true)
    const isKnown = (node: SimulatedNode): boolean => writer.replica?.aliveMembers().includes(node.id) === true
    return Math.min(this.#cluster.options.copies, ready.filter(isKnown).length)
  }
}

/** More than luck: some of them are of shards that had to move. */
const SERVED_MIN = 12
const DEADLINE_MS = 1_000
