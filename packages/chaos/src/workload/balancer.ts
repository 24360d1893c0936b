/**
 * Which node a client is sent to: any that a health check a moment ago found fit, as a load balancer does; one that was tried for the same
 * request comes last.
 */
import type { Random } from '@reprise/testkit'
import type { MemberCondition } from '../backends/backend.ts'

export class Balancer {
  readonly #random: Random
  readonly #fit = new Set<number>()
  /** Those that shall be there, fit or not. */
  #expected: readonly number[] = []

  constructor(random: Random) {
    this.#random = random
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
    if (fit.length > 0) return this.#random.pick(fit)
    const others = this.#expected.filter((node) => !tried.has(node))
    return others.length > 0 ? this.#random.pick(others) : undefined
  }
}

function isFit(condition: MemberCondition): boolean {
  return typeof condition !== 'string' && (condition.state === 'ready' || condition.state === 'catching-up')
}
