/**
 * What this node says of itself and of others: greetings, and news of members.
 *
 * A greeting says who this node is in this life, and the geometry that all members must share. News travel to who is
 * connected: of a newcomer, of everybody to a newcomer, and of this node when it is about to go.
 */
import { BUCKET_COUNT, SHARD_COUNT } from '../constants.ts'
import type { Context } from '../context.ts'
import { UsageError } from '../errors.ts'
import type { NodeId } from '../session/version.ts'
import type { Greeting, MemberNews, MemberState } from '../wire/messages.ts'
import type { Member } from './member.ts'
import { isPresent } from './member.ts'

export class Introductions {
  readonly #context: Context
  /** What this node says of itself. */
  #selfState: 'alive' | 'leaving' | 'left' = 'alive'

  constructor(context: Context) {
    this.#context = context
  }

  get isLeaving(): boolean {
    return this.#selfState === 'leaving'
  }

  selfNews(): MemberNews {
    const { addresses, config, incarnation, self } = this.#context
    const { name, zone, weight } = config
    return { node: self, incarnation, state: this.#selfState, name, zone, weight, addresses }
  }

  /** @throws UsageError when the peer runs with another geometry: it cannot take part. */
  check(from: NodeId, greeting: Greeting): void {
    const { config } = this.#context
    if (greeting.self.node !== from) throw new UsageError(`peer ${from} greets as ${greeting.self.node}`)
    if (greeting.shardCount !== SHARD_COUNT || greeting.bucketCount !== BUCKET_COUNT) {
      throw new UsageError(`peer ${from} has ${greeting.shardCount} shards of ${greeting.bucketCount} buckets`)
    }
    if (greeting.copies !== finiteCopies(config.copies)) {
      throw new UsageError(`peer ${from} is set to ${greeting.copies} copies: give all members the same`)
    }
  }

  greet(node: NodeId): void {
    this.#context.send(node, {
      type: 'greeting',
      self: this.selfNews(),
      shardCount: SHARD_COUNT,
      bucketCount: BUCKET_COUNT,
      copies: finiteCopies(this.#context.config.copies),
    })
  }

  /** Tell others that this node is about to go, or goes. */
  sayThatItGoes(how: 'leaving' | 'left', others: Iterable<Member>): void {
    this.#selfState = how
    const members = [this.selfNews()]
    for (const { news } of others) {
      const isUnderstood = how === 'left' || this.#context.wireOf(news.node) >= 2
      if (isUnderstood) this.#context.send(news.node, { type: 'members', members })
    }
  }

  /** Tell a newcomer of all others, and the others of it: it may have been told of this node only. */
  introduce(newcomer: Member, all: Iterable<Member>): void {
    const { node } = newcomer.news
    const others = [...all].filter((member) => member !== newcomer && member.state !== 'unmet')
    this.#context.send(node, { type: 'members', members: others.map(newsOf) })
    this.spread(
      newcomer,
      others.filter((member) => member.connected && isPresent(member)),
    )
  }

  /** Tell others how a member stands here. */
  spread(member: Member, others: readonly Member[]): void {
    const members = [newsOf(member)]
    for (const { news } of others) this.#context.send(news.node, { type: 'members', members })
  }
}

/** What others are told of a member. */
function newsOf(member: Member): MemberNews {
  return { ...member.news, state: stateOf(member) }
}

function stateOf(member: Member): MemberState {
  if (member.isLeaving && isPresent(member)) return 'leaving'
  return member.state === 'unmet' ? 'alive' : member.state
}

/** `copies: 'all'` as a number for the wire. */
function finiteCopies(copies: number): number {
  return Number.isFinite(copies) ? copies : 0xffff
}
