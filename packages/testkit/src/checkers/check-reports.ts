/**
 * R5: a check tells what is. Of a cluster at rest it says that all copies are there and equal, and while everything is on the move it
 * takes nothing that is only under way for a copy that lost something. Where copies do differ for good, it says so.
 */
import type { CheckReport } from '@reprise/core'
import { BUCKETS_PER_SHARD, CHECK_DEADLINE_MS_DEFAULT } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Random } from '../random.ts'
import type { Requests } from '../requests.ts'
import type { Checker, World } from './checker.ts'
import { isReady } from './checker.ts'
import type { Convergence } from './convergence.ts'

export interface CheckCounters {
  reports: number
  /** Those that told of copies that differ. */
  alarms: number
}

export interface CheckReportsComponents {
  readonly requests: Requests
  readonly convergence: Convergence
  readonly random: Random
}

export class CheckReports implements Checker {
  readonly counters: CheckCounters = { reports: 0, alarms: 0 }
  readonly #world: World
  readonly #requests: Requests
  readonly #convergence: Convergence
  readonly #random: Random
  readonly #isBusy: boolean
  #nextAtMs = 0

  /** @param isBusy whether checks are made while the clients and faults are at it, too. */
  constructor(world: World, components: CheckReportsComponents, isBusy: boolean) {
    this.#world = world
    this.#requests = components.requests
    this.#convergence = components.convergence
    this.#random = components.random
    this.#isBusy = isBusy
  }

  onCheckpoint(): void {
    if (!this.#isBusy || this.#world.nowMs < this.#nextAtMs) return
    this.#nextAtMs = this.#world.nowMs + this.#random.between(0, BETWEEN_MS_MAX)
    this.#check((node, report) => {
      const alarm = this.#falseAlarm(report)
      if (alarm !== undefined) this.#world.violate('R5', `a check at ${node.id} says that ${alarm}`)
    })
  }

  /** Everything is equal and at rest: a check must say so. */
  expectOk(): void {
    this.#check((node, report) => {
      const isExcused = this.#isShort(report) || (hasAlarm(report) && this.#falseAlarm(report) === undefined)
      if (report.verdict === 'ok' || isExcused) return
      this.#world.violate('R5', `at rest a check at ${node.id} says ${report.verdict}: ${report.reasons.join('; ')}`)
    })
  }

  /** Copies differ though nothing is under way: a check must find that. */
  expectAlarm(): void {
    this.#check((node, report) => {
      if (hasAlarm(report) || this.#isShort(report)) return
      this.#world.violate('R5', `copies differ for good, and a check at ${node.id} says ${report.verdict}`)
    })
  }

  /** A bucket that is said to differ, and in which no record is promised nothing any more. */
  #falseAlarm({ shards }: CheckReport): string | undefined {
    for (const { shard, divergent } of shards) {
      for (const { bucket, holders } of divergent) {
        const copies = this.#world.cluster.nodes.filter((node) => isReady(node, shard))
        if (!this.#convergence.mayDiffer(bucket, copies))
          return `${where(bucket, shard)} differs at ${holders.join(', ')}`
      }
    }
    return undefined
  }

  /** Nothing is wrong but what a scenario is about: few members, members of an earlier wire, and caches that are too small. */
  #isShort({ members, shards }: CheckReport): boolean {
    if (members.silent.length > 0 || shards.some(({ verdict }) => verdict === 'critical')) return false
    const { nodes, options } = this.#world.cluster
    // No seed draws so few; shrinking leaves them.
    const areFew = nodes.length < options.copies + 1
    return areFew || members.unasked.length > 0 || shards.some(({ evicted }) => evicted > 0)
  }

  #check(onReport: (node: SimulatedNode, report: CheckReport) => void): void {
    const { nodes, options } = this.#world.cluster
    const able = nodes.filter(({ index, isRunning }) => isRunning && (options.wires?.[index] ?? 2) >= 2)
    if (able.length === 0) return
    const node = this.#random.pick(able)
    const { life } = node
    this.#requests.check(node, CHECK_DEADLINE_MS_DEFAULT, (report) => {
      if (node.life !== life) return
      this.counters.reports++
      if (hasAlarm(report)) this.counters.alarms++
      onReport(node, report)
    })
  }
}

function hasAlarm({ shards }: CheckReport): boolean {
  return shards.some(({ divergent }) => divergent.length > 0)
}

function where(bucket: number, shard: number): string {
  return `bucket ${bucket % BUCKETS_PER_SHARD} of shard ${shard}`
}

/** Checks begin more often than they end, at one node or another. */
const BETWEEN_MS_MAX = 2_000
