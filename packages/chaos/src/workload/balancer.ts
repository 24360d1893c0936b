/**
 * Which node a client is sent to: one that a health check a moment ago found fit, as a load balancer does, drawn or in turn; one that was
 * tried for the same request comes last.
 */
import type { Random } from '@reprise/testkit'
import type { MemberCondition } from '../backends/backend.ts'

export class Balancer {
  readonly #random: Random
  readonly #order: 'random' | 'round-robin'
  #last = -1
  readonly #fit = new Set<number>()
  /** Those that shall be there, fit or not. */
  #expected: readonly number[] = []

  constructor(random: Random, order: 'random' | 'round-robin' = 'random') {
    this.#random = random
    this.#order = order
  }

  /** What a health check found. */
  update(conditions: ReadonlyMap<number, MemberCondition>, expected: readonly number[]): void {
    this.#expected = expected
    this.#fit.clear()
    for (const [node, condition] of conditions) if (isFit(condition)) this.#fit.add(node)
  }

  /** @returns undefined when all were tried. */
  choose(tried: ReadonlySet<number>): number | undefined {
    const fit = [...this.#fit].filter((node) => !tried.has(node))
    const candidates = fit.length > 0 ? fit : this.#expected.filter((node) => !tried.has(node))
    return candidates.length > 0 ? this.#chooseFrom(candidates) : undefined
  }

  #chooseFrom(candidates: readonly number[]): number {
    if (this.#order === 'random') return this.#random.pick(candidates)
    this.#last = Math.min(...candidates.filter((node) => node > this.#last), Number.POSITIVE_INFINITY)
    if (!Number.isFinite(this.#last)) this.#last = Math.min(...candidates)
    return this.#last
  }
}

function isFit(condition: MemberCondition): boolean {
  return typeof condition !== 'string' && (condition.state === 'ready' || condition.state === 'catching-up')
}
