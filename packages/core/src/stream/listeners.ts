/**
 * Who listens to which stream, and where the streams are: joins, hellos, and the ejection of who listens too slowly.
 *
 * A join says "count on me for these shards" and is answered with the highest numbers; from then on a hole is a loss. Joins, hellos and
 * ejections may get lost, so what heartbeats say of shards and numbers stands in their place.
 */
import { EJECT_WIRE_MIN } from '../constants.ts'
import type { Context } from '../context.ts'
import { hasShard } from '../context.ts'
import type { Members } from '../members/members.ts'
import type { Holdings } from '../placement/holdings.ts'
import type { NodeId } from '../session/version.ts'
import type { Eject, ShardNumber } from '../wire/messages.ts'
import type { Incoming } from './incoming.ts'
import type { Outgoing } from './outgoing.ts'

/** What it brings together. Read when they are used, since they need each other. */
export interface ListenersRooms {
  readonly members: Members
  readonly holdings: Holdings
  readonly outgoing: Outgoing
  readonly incoming: Incoming
}

export class Listeners {
  readonly #context: Context
  readonly #rooms: ListenersRooms

  constructor(context: Context, rooms: ListenersRooms) {
    this.#context = context
    this.#rooms = rooms
  }

  onJoin(from: NodeId, shards: readonly number[]): void {
    for (const shard of shards) this.#rooms.outgoing.onJoin(from, shard)
    this.#sayHello(from, shards)
  }

  /** What was published between a member's join and its subscription reached it by no frame, so it is told the number. */
  onSubscriber(peer: NodeId, shard: number): void {
    const isNothingNew = this.#rooms.outgoing.highest(shard) === 0 && this.#rooms.outgoing.hasJoined(peer, shard)
    if (!isNothingNew) this.#sayHello(peer, [shard])
  }

  /** Joins and leaves may be lost; what a member's heartbeat says of its shards stands. */
  countOn(node: NodeId): void {
    const member = this.#rooms.members.get(node)
    if (member === undefined) return
    const joined: number[] = []
    for (let shard = 0; shard < this.#rooms.holdings.count; shard++) {
      const hasJoined = this.#rooms.outgoing.hasJoined(node, shard)
      if (!hasShard(member.joined, shard)) {
        if (hasJoined) this.#rooms.outgoing.onLeave(node, shard)
      } else if (!hasJoined) joined.push(shard)
    }
    if (joined.length > 0) this.onJoin(node, joined)
  }

  streamsFor(node: NodeId): ShardNumber[] {
    const member = this.#rooms.members.get(node)
    if (member === undefined || this.#context.lacks('heartbeat-numbers')) return []
    const streams: ShardNumber[] = []
    for (let shard = 0; shard < this.#rooms.holdings.count; shard++) {
      const number = this.#rooms.outgoing.highest(shard)
      if (number > 0 && hasShard(member.joined, shard)) streams.push({ shard, number })
    }
    return streams
  }

  hearHighest(from: NodeId, incarnation: number, streams: readonly ShardNumber[], wantsAck: boolean): void {
    for (const heard of streams) this.#rooms.incoming.onHighest(from, incarnation, heard, wantsAck)
  }

  /** Tell a member that nothing is kept for it any more; by another one, too, because the way to it may be what is full. */
  tellEjected(node: NodeId, shards: readonly number[]): void {
    this.#context.notice({ type: 'ejected', node, shards })
    const { self, incarnation } = this.#context
    const message = { type: 'eject', node, sender: self, incarnation, shards } as const
    const speaksIt = (to: NodeId): boolean =>
      this.#rooms.members.isReachable(to) && this.#context.wireOf(to) >= EJECT_WIRE_MIN
    const relay = [...this.#rooms.members.reachable()].find(
      (member) => member.news.node !== node && speaksIt(member.news.node),
    )
    for (const to of [node, relay?.news.node]) if (to !== undefined && speaksIt(to)) this.#context.send(to, message)
  }

  /** This node is out of a sender's streams, or shall tell somebody that it is: once, and only for the sender itself. */
  onEject(from: NodeId, message: Eject): void {
    const { node, sender, incarnation, shards } = message
    if (node !== this.#context.self) {
      const isOn =
        from === sender && this.#rooms.members.isReachable(node) && this.#context.wireOf(node) >= EJECT_WIRE_MIN
      if (isOn) this.#context.send(node, message)
      return
    }
    if (incarnation !== this.#rooms.members.incarnationOf(sender)) return
    const joined = shards.filter((shard) => this.#rooms.holdings.isJoined(shard))
    for (const shard of joined) this.#rooms.holdings.onUnrepairable(sender, shard, true)
    // Its frames count again from here, whether the sender can be asked now or greets again later.
    const again = { type: 'join', incarnation: this.#context.incarnation, shards: joined } as const
    if (joined.length > 0 && this.#rooms.members.isReachable(sender)) this.#context.send(sender, again)
  }

  /** "My streams of these shards are at these numbers": to who joined, and to who just became able to hear them. */
  #sayHello(to: NodeId, shards: readonly number[]): void {
    if (!this.#rooms.members.isReachable(to)) return
    const streams = shards.map((shard) => ({ shard, number: this.#rooms.outgoing.highest(shard) }))
    this.#context.send(to, { type: 'hello', incarnation: this.#context.incarnation, streams })
  }
}
