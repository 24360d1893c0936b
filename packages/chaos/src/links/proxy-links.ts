/**
 * Links of processes on one host, without root and on any system: member i reaches member j through a port that belongs to this pair, and
 * behind it what passes is held back.
 *
 * What cannot be had this way: packets. A cut stalls connections, as a network does that swallows everything, and loss is the delay that TCP
 * makes of it (see `line.ts`).
 */
import { UsageError } from '@reprise/core'
import { Random } from '@reprise/testkit'
import type { LinkConditions } from '../scenario.ts'
import { assertConditions } from './conditions.ts'
import { LINE_CONDITIONS, Line } from './line.ts'
import type { Link, Links } from './links.ts'
import { ProxyRoute, type Target } from './proxy-route.ts'

export interface ProxyLinksOptions {
  readonly members: number
  /** Of jitter and loss. The same seed draws the same for each link, in the order in which bytes come. */
  readonly seed: number
}

interface Pair {
  readonly line: Line
  readonly route: ProxyRoute
}

export class ProxyLinks implements Links {
  readonly can: ReadonlySet<keyof LinkConditions> = LINE_CONDITIONS
  readonly #targets = new Map<number, Target>()
  readonly #pairs: ReadonlyMap<string, Pair>

  private constructor({ members, seed }: ProxyLinksOptions) {
    const links = allLinks(members)
    const lines = new Map(
      links.map(({ from, to }) => [keyOf(from, to), new Line(new Random(seed, from * members + to))]),
    )
    this.#pairs = new Map(
      links.map(({ from, to }) => {
        const [line, back] = [lines.get(keyOf(from, to))!, lines.get(keyOf(to, from))!]
        const route = new ProxyRoute({ there: line, back, target: () => this.#targets.get(to) })
        return [keyOf(from, to), { line, route }]
      }),
    )
  }

  /** Every pair has its port when this resolves. The caller closes it. */
  static async open(options: ProxyLinksOptions): Promise<ProxyLinks> {
    const links = new ProxyLinks(options)
    try {
      await Promise.all([...links.#pairs.values()].map(({ route }) => route.listen()))
    } catch (error) {
      await links.close()
      throw error
    }
    return links
  }

  /** The port on 127.0.0.1 at which member `from` reaches member `to`, as long as the links are open. */
  route(from: number, to: number): number {
    return this.#pair({ from, to }).route.port
  }

  /**
   * Where a member listens from now on; undefined: nowhere. Who dials it before is refused. Connections that it has are left alone.
   */
  setTarget(member: number, target: Target | undefined): void {
    if (target === undefined) this.#targets.delete(member)
    else this.#targets.set(member, target)
  }

  async cut(links: readonly Link[]): Promise<void> {
    for (const { line } of this.#chosen(links)) line.cut()
  }

  async impair(links: readonly Link[], conditions: LinkConditions): Promise<void> {
    assertConditions(conditions, this.can)
    for (const { line } of this.#chosen(links)) line.impair(conditions)
  }

  async heal(links?: readonly Link[]): Promise<void> {
    for (const { line } of links === undefined ? this.#pairs.values() : this.#chosen(links)) line.heal()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pairs.values()].map(({ route }) => route.close()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #chosen(links: readonly Link[]): readonly Pair[] {
    return links.map((link) => this.#pair(link))
  }

  #pair({ from, to }: Link): Pair {
    const pair = this.#pairs.get(keyOf(from, to))
    if (pair === undefined) throw new UsageError(`there is no link from member ${from} to member ${to}`)
    return pair
  }
}

/** Both directions of every pair of so many members. */
export function allLinks(members: number): readonly Link[] {
  const numbers = Array.from({ length: members }, (_, member) => member)
  return numbers.flatMap((from) => numbers.filter((to) => to !== from).map((to) => ({ from, to })))
}

function keyOf(from: number, to: number): string {
  return `${from}>${to}`
}
