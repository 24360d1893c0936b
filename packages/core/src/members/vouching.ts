/**
 * Asking others about a suspect before it is declared dead (Das, Gupta and Motivala, "SWIM", 2002).
 *
 * ```
 *  suspecting                     asked                        suspect
 *      │ vouch-ask (up to 3 of them) │                            │
 *      ├────────────────────────────►│ heard lately: answer now   │
 *      │                             │ else: beat it ────────────►│
 *      │          vouch(heard 3 ms ago) ◄──────── any word ───────┤
 *      │◄────────────────────────────┤
 * ```
 *
 * What is said is evidence with a date, not an opinion: "I heard it so long ago". So several who vouch do not add up, a late
 * answer does no harm, and who is dead runs out of evidence everywhere at the same time. Silence is the only "no".
 */
import { SUSPECT_MS, VOUCH_INTERVAL_MS, VOUCHERS_MAX } from '../constants.ts'
import type { Context } from '../context.ts'
import type { NodeId } from '../session/version.ts'
import type { Vouch, VouchAsk } from '../wire/messages.ts'
import type { Member } from './member.ts'
import { isPresent } from './member.ts'

export interface VouchingPorts {
  get(node: NodeId): Member | undefined
  /** Members that a message can be sent to now. */
  reachable(): Iterable<Member>
  awakeMs(): number
  /** Say something to a member, so that it says something. */
  beat(member: Member): void
}

export class Vouching {
  readonly #context: Context
  readonly #ports: VouchingPorts
  /** By member that was asked about: who wants to know when it is heard, and since when. */
  readonly #askers = new Map<NodeId, Map<NodeId, number>>()

  constructor(context: Context, ports: VouchingPorts) {
    this.#context = context
    this.#ports = ports
  }

  /** Ask a few random others about a suspect, unless that was done a moment ago. */
  ask(suspect: Member): void {
    const awakeMs = this.#ports.awakeMs()
    if (awakeMs < suspect.askAtAwakeMs) return
    suspect.askAtAwakeMs = awakeMs + VOUCH_INTERVAL_MS
    const { node, incarnation } = suspect.news
    const others: NodeId[] = []
    for (const { state, news } of this.#ports.reachable()) {
      if (state === 'alive' && news.node !== node && this.#context.wireOf(news.node) >= 2) others.push(news.node)
    }
    for (let left = Math.min(VOUCHERS_MAX, others.length); left > 0; left--) {
      const [other] = others.splice(this.#context.random() % others.length, 1)
      if (other !== undefined) this.#context.send(other, { type: 'vouch-ask', node, incarnation })
    }
  }

  onAsk(from: NodeId, { node, incarnation }: VouchAsk): void {
    const member = this.#ports.get(node)
    if (member?.connected !== true || !isPresent(member) || member.news.incarnation !== incarnation) return
    const agoMs = this.#ports.awakeMs() - member.heardAtAwakeMs
    if (agoMs <= SUSPECT_MS) {
      this.#vouch(from, member, agoMs)
      return
    }
    const askers = this.#askers.get(node) ?? new Map<NodeId, number>()
    this.#askers.set(node, askers.set(from, this.#ports.awakeMs()))
    this.#ports.beat(member)
  }

  /** Somebody hears a member. Only what is said of a suspect, in its present life, counts. */
  onVouch({ node, incarnation, heardAgoMs }: Vouch): void {
    const member = this.#ports.get(node)
    if (member?.state !== 'suspect' || member.news.incarnation !== incarnation || this.#context.lacks('vouch')) return
    member.vouchedAtAwakeMs = Math.max(member.vouchedAtAwakeMs, this.#ports.awakeMs() - heardAgoMs)
  }

  /** A member said something: tell those who asked about it. */
  onHeard(member: Member): void {
    if (this.#askers.size === 0) return
    const askers = this.#askers.get(member.news.node)
    if (askers === undefined) return
    this.#askers.delete(member.news.node)
    for (const asker of askers.keys()) this.#vouch(asker, member, 0)
  }

  /** Forget who asked and will not be answered any more. */
  tick(): void {
    const untilMs = this.#ports.awakeMs() - SUSPECT_MS
    for (const [node, askers] of this.#askers) {
      for (const [asker, sinceMs] of askers) if (sinceMs < untilMs) askers.delete(asker)
      if (askers.size === 0) this.#askers.delete(node)
    }
  }

  #vouch(to: NodeId, { news: { node, incarnation } }: Member, agoMs: number): void {
    this.#context.send(to, { type: 'vouch', node, incarnation, heardAgoMs: Math.max(0, Math.floor(agoMs)) })
  }
}
