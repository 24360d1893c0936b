/**
 * When a node may believe that nobody knows better.
 *
 * A shard of which somebody is a ready holder is synced from there, and this file has no say. Where nobody is, the cluster
 * starts cold, and what the live members have is taken for all there is. Two nodes that start again empty would so agree
 * that there are no sessions while the only survivor is out of reach, and log its users out. So a cold start waits until
 * all members of the earlier life were met, or said to have left: `ALONE_MS`, and as much again for each that is missing, up
 * to `COLD_START_MS_MAX`. Then it goes on, and says whom it missed. It never waits for ever: who died for good is not
 * known from who cannot be reached.
 */
import { ALONE_MS, COLD_START_MS_MAX } from '../constants.ts'
import type { Context, EarlierMember } from '../context.ts'
import type { NodeId } from '../session/version.ts'

export class ColdStart {
  readonly #context: Context
  /** Members of the earlier life that were neither met nor said to have left. */
  readonly #missing: Map<NodeId, EarlierMember>
  #isOver = false

  constructor(context: Context) {
    this.#context = context
    const others = context.config.earlierMembers.filter(({ node }) => node !== context.self)
    this.#missing = new Map(others.map((member) => [member.node, member]))
  }

  get isWaiting(): boolean {
    return this.#missing.size > 0
  }

  get missing(): IterableIterator<EarlierMember> {
    return this.#missing.values()
  }

  /** The member was met, or it left. */
  onAccounted(node: NodeId): void {
    this.#missing.delete(node)
  }

  /** Who did not come in all this time is not looked for any more. @returns whether there was anybody. */
  forget(): boolean {
    const isAnybody = this.isWaiting
    this.#missing.clear()
    return isAnybody
  }

  /** Whether to go on without those who are missing, `runningMs` after the start. */
  mayBegin(runningMs: number): boolean {
    if (this.#isOver || !this.isWaiting || this.#context.lacks('cold-start')) return true
    if (runningMs < Math.min(COLD_START_MS_MAX, ALONE_MS * (1 + this.#missing.size))) return false
    this.#isOver = true
    this.#context.notice({ type: 'members:missing', nodes: [...this.#missing.keys()].sort() })
    return true
  }
}
