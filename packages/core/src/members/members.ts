/**
 * Who is here, who is suspected, who left.
 *
 * Members form a full mesh and judge each other by what they hear themselves: any traffic counts, and a heartbeat every
 * 500 ms gives traffic to an idle pair. Silence or a lost connection makes a member *suspect*: it keeps its shards but is
 * asked last. Only a suspicion that lasts makes it *dead*, and moves its shards. Hearsay tells where to dial and who left,
 * never that somebody whom this node can hear is dead.
 *
 * A suspect is asked about (`vouching.ts`). While others hear it, it stays a suspect that keeps its shards, at most
 * `VOUCHED_MS_MAX`: it is alive and may know what nobody else does, and if every node moved shards by what it alone can
 * reach, the placements would differ for as long as the path is broken. And nobody judges after a pause of its own
 * (`self-doubt.ts`).
 *
 * ```
 *  unmet ──greeting──► alive ◄──any message──┐
 *                        │ silence, cut      │
 *                        └────► suspect ─────┘
 *                        │        │ DEAD_MS, and nobody else hears it
 *                goodbye ▼        ▼
 *                      left      dead ──greeting──► alive
 * ```
 *
 * A member that is *leaving* is present like any other, heard, asked and synced from, but given nothing any more: who holds
 * its shards without it is decided while it is still there to hand them over.
 */
import {
  ALONE_MS,
  DEAD_MS,
  FORGET_MS,
  GIVEN_UP_MS,
  HEARTBEAT_ALL_MAX,
  HEARTBEAT_MS,
  MEMBERS_MAX,
  NEWCOMERS_MS,
  SUSPECT_MS,
  VOUCHED_MS_MAX,
} from '../constants.ts'
import type { Context } from '../context.ts'
import { hasShard, NO_SHARDS, sameShards, withoutShard } from '../context.ts'
import { UsageError } from '../errors.ts'
import type { Incarnation, NodeId } from '../session/version.ts'
import type { Greeting, Heartbeat, MemberNews, ShardBits, ShardNumber, Vouch, VouchAsk } from '../wire/messages.ts'
import { ColdStart } from './cold-start.ts'
import type { OwnShards } from './heartbeats.ts'
import { Heartbeats } from './heartbeats.ts'
import { Introductions } from './introductions.ts'
import type { Member } from './member.ts'
import { createMember, isPresent, isRepository } from './member.ts'
import { SelfDoubt } from './self-doubt.ts'
import { Vouching } from './vouching.ts'

/** What the other rooms want to know. */
export interface MembersListener {
  /** The member can be talked to: after its first greeting, and after each reconnect. */
  onMet(node: NodeId): void
  /** It also listens, and said which shards it holds: after its first heartbeat of each connection. */
  onAcquainted(node: NodeId): void
  /** A life of the node is over, known by its next one or by death. Its streams end. */
  onLifeEnded(node: NodeId, incarnation: Incarnation): void
  /** Who counts for placement changed. */
  onMembersChanged(): void
  /** What its heartbeat said of its shards changed, or is said for the first time. */
  onShardsChanged(node: NodeId, readyBefore: ShardBits): void
  /** The highest numbers of its own streams. */
  onStreams(node: NodeId, streams: readonly ShardNumber[]): void
  /** This node's own incarnation will rise: what is pending still belongs to the old one. */
  onSelfRaising(): void
  /** It rose, and everybody was greeted with it. */
  onSelfRaised(): void
}

export class Members {
  readonly #context: Context
  readonly #listener: MembersListener
  readonly #heartbeats: Heartbeats
  readonly #introductions: Introductions
  readonly #members = new Map<NodeId, Member>()
  readonly #doubt = new SelfDoubt()
  readonly #coldStart: ColdStart
  readonly #vouching: Vouching
  /** Open control streams over which no heartbeat came yet: a greeting may be lost, and is said again until then. */
  readonly #strangers = new Map<NodeId, number>()
  readonly #startedAtAwakeMs: number
  #mayBeGivenUp = false
  #metAnyone = false
  /** Somebody of those is part of a cluster: it holds shards, or is about to. */
  #metHolder = false

  constructor(context: Context, listener: MembersListener, own: OwnShards) {
    this.#context = context
    this.#listener = listener
    this.#heartbeats = new Heartbeats(context, this.#doubt, own)
    this.#startedAtAwakeMs = context.nowMs
    this.#coldStart = new ColdStart(context)
    this.#introductions = new Introductions(context)
    this.#vouching = new Vouching(context, {
      get: (node) => this.get(node),
      reachable: () => this.reachable(),
      awakeMs: () => this.awakeMs,
      beat: (member) => this.#heartbeats.send(member),
    })
  }

  get(node: NodeId): Member | undefined {
    return this.#members.get(node)
  }

  /** Which life of a member is known. */
  incarnationOf(node: NodeId): number | undefined {
    return this.get(node)?.news.incarnation
  }

  /** Whether a member said last that it is a ready holder of the shard. */
  isReadyFor(node: NodeId, shard: number): boolean {
    const member = this.get(node)
    return member !== undefined && hasShard(member.ready, shard)
  }

  /** Ready holders of a shard by what they said last, without this node. */
  readyHolders(shard: number): NodeId[] {
    const ready: NodeId[] = []
    for (const member of this.present()) if (hasShard(member.ready, shard)) ready.push(member.news.node)
    return ready
  }

  /** Members to ask about a session of the shard, best first: ready holders, then joined ones, then anybody. */
  nearest(shard: number): NodeId[] {
    const rank = (bits: { ready: ShardBits; joined: ShardBits }): number =>
      hasShard(bits.ready, shard) ? 0 : hasShard(bits.joined, shard) ? 1 : 2
    return [...this.reachable()]
      .sort((a, b) => rank(a) - rank(b) || a.roundTripMs - b.roundTripMs || (a.news.node < b.news.node ? -1 : 1))
      .map((member) => member.news.node)
  }

  /** Whether it keeps shards beside their holders, so that its copies do not count. */
  isRepository(node: NodeId): boolean {
    const member = this.get(node)
    return member !== undefined && isRepository(member)
  }

  all(): IterableIterator<Member> {
    return this.#members.values()
  }

  /** Members that count for placement: met, and not known to be gone. */
  *present(): Generator<Member> {
    for (const member of this.#members.values()) if (isPresent(member)) yield member
  }

  /** Members that shards are given to: present, and not about to go. */
  *candidates(): Generator<Member> {
    for (const member of this.present()) if (!member.isLeaving) yield member
  }

  /** Members that a message can be sent to now. */
  *reachable(): Generator<Member> {
    for (const member of this.#members.values()) if (member.connected && isPresent(member)) yield member
  }

  isReachable(node: NodeId): boolean {
    const member = this.#members.get(node)
    return member?.connected === true && isPresent(member)
  }

  /** Whether the member is remembered, and did not leave in this life or a later one. */
  isRemembered(node: NodeId, incarnation: number): boolean {
    const member = this.#members.get(node)
    return member !== undefined && (member.state !== 'left' || member.news.incarnation < incarnation)
  }

  /** Whether the member is reachable and listens, so that what is asked of it over any lane is answered. */
  isAcquainted(node: NodeId): boolean {
    return this.isReachable(node) && this.#members.get(node)?.acquainted === true
  }

  /** Whether what it said of its shards may be taken for how they are: it listens, and is not silent. */
  isHeard(node: NodeId): boolean {
    return this.isAcquainted(node) && this.#members.get(node)?.state === 'alive'
  }

  /** Whether nobody is known who may be here and write, and is not heard. */
  get isEverybodyHeard(): boolean {
    for (const { news, state } of this.#members.values()) {
      if (state !== 'left' && state !== 'dead' && !this.isHeard(news.node)) return false
    }
    return true
  }

  /** Ids of the members believed alive, this one included, sorted. */
  alive(): NodeId[] {
    const alive = [this.#context.self]
    for (const member of this.#members.values()) if (member.state === 'alive') alive.push(member.news.node)
    return alive.sort()
  }

  /** Whether this node has seen enough of the cluster to trust that nobody knows better (rule P4, cold start). */
  isSettled(): boolean {
    const awakeMs = this.awakeMs
    if (this.#mayBeLate && awakeMs < this.#startedAtAwakeMs + (this.#metAnyone ? NEWCOMERS_MS : ALONE_MS)) return false
    // Until its first heartbeat nobody knows what a member holds.
    for (const sinceMs of this.#strangers.values()) if (awakeMs < sinceMs + ALONE_MS) return false
    for (const member of this.#members.values()) {
      if (member.state === 'unmet' && awakeMs < member.sinceAwakeMs + ALONE_MS) return false
    }
    return true
  }

  /** Whether others may be there who know more than those that were met: none, or only some that just came, too. */
  get #mayBeLate(): boolean {
    const { expectPeers, isFounding } = this.#context.config
    if (!expectPeers) return false
    return !this.#metAnyone || !(this.#metHolder || isFounding || this.#context.lacks('newcomers'))
  }

  /** Whether a shard of which nobody is a ready holder may be taken for what the live members have of it. */
  mayStartCold(): boolean {
    return this.#coldStart.mayBegin(this.awakeMs - this.#startedAtAwakeMs)
  }

  selfNews(): MemberNews {
    return this.#introductions.selfNews()
  }

  onPeerUp(node: NodeId): void {
    this.#strangers.set(node, this.awakeMs)
    const member = this.#members.get(node)
    if (member !== undefined) {
      member.acquainted = false
      // Whatever it was told, it may have been another life of it.
      member.echoHeard = 0
    }
    this.#introductions.greet(node)
  }

  onPeerDown(node: NodeId): void {
    this.#strangers.delete(node)
    const member = this.#members.get(node)
    if (member === undefined || !member.connected) return
    member.connected = false
    member.acquainted = false
    if (member.state === 'alive') this.#suspect(member)
  }

  /** @returns whether messages of this peer may be listened to: its greeting was accepted. */
  hear(node: NodeId): boolean {
    const member = this.#members.get(node)
    if (member === undefined || !member.connected) return false
    if (!isPresent(member)) {
      // It was declared dead and is heard over a connection that never broke: it was frozen. It begins anew.
      if (member.state === 'dead') this.#askGreeting(member, 0)
      return false
    }
    member.heardAtAwakeMs = this.awakeMs
    if (member.state === 'suspect') {
      this.#enter(member, 'alive')
      this.#context.notice({ type: 'member:up', node, name: member.news.name })
    }
    this.#vouching.onHeard(member)
    return true
  }

  /** @throws UsageError when the peer runs with another geometry: it cannot take part. */
  onGreeting(from: NodeId, greeting: Greeting): void {
    this.#introductions.check(from, greeting)
    const news = greeting.self
    const known = this.#members.get(from)
    if (known !== undefined && news.incarnation < known.news.incarnation && !this.#context.lacks('refuse')) {
      this.#context.send(from, { type: 'refused', knownIncarnation: known.news.incarnation })
      return
    }
    if (known === undefined && this.#members.size >= MEMBERS_MAX) throw new UsageError(`over ${MEMBERS_MAX} members`)
    if (known !== undefined && news.incarnation > known.news.incarnation && known.state !== 'unmet') {
      this.#endLife(known)
    }
    const member = known ?? this.#add(news)
    // Who leaves once leaves for good, until its next life.
    member.isLeaving = news.state === 'leaving' || (member.isLeaving && news.incarnation === member.news.incarnation)
    member.news = news
    member.connected = true
    member.heardAtAwakeMs = this.awakeMs
    this.#metAnyone = true
    this.#coldStart.onAccounted(from)
    // It never noticed that it was taken for dead, and must join again: greeted, it does.
    if (member.state === 'dead') {
      this.#introductions.greet(from)
      member.acquainted = false
    }
    if (!member.acquainted && !this.#strangers.has(from)) this.#strangers.set(from, this.awakeMs)
    if (member.state !== 'alive') {
      this.#enter(member, 'alive')
      this.#context.notice({ type: 'member:up', node: from, name: news.name })
    }
    this.#publishDialList()
    this.#introductions.introduce(member, this.#members.values())
    this.#listener.onMembersChanged()
    this.#listener.onMet(from)
    this.#heartbeats.send(member)
  }

  /**
   * Somebody wants to be greeted again. When it knows a later life of this node, rise above that first (rule W2); with 0 it
   * only took this node for dead.
   */
  onRefused(from: NodeId, knownIncarnation: Incarnation): void {
    if (knownIncarnation >= this.#context.incarnation) {
      this.#listener.onSelfRaising()
      this.#context.incarnation = Math.max(knownIncarnation + 1, this.#context.wallMs)
      this.#context.out.incarnation = this.#context.incarnation
      // Also those who were greeted under the old number and did not answer yet.
      const greeted = new Set([from, ...this.#strangers.keys()])
      for (const { news } of this.reachable()) greeted.add(news.node)
      for (const node of greeted) this.#introductions.greet(node)
      this.#listener.onSelfRaised()
    } else this.#introductions.greet(from)
  }

  onHeartbeat(from: NodeId, beat: Heartbeat): void {
    const member = this.#members.get(from)
    if (member === undefined) return
    const { incarnation } = member.news
    if (beat.incarnation !== incarnation) {
      // A greeting got lost, or was not accepted: neither side would ever notice by itself.
      this.#askGreeting(member, beat.incarnation < incarnation ? incarnation : 0)
      return
    }
    this.#heartbeats.onHeard(member, beat)
    const readyBefore = member.ready
    const changed = !sameShards(member.joined, beat.joined) || !sameShards(member.ready, beat.ready)
    member.joined = beat.joined
    this.#metHolder ||= !sameShards(beat.joined, NO_SHARDS)
    member.ready = beat.ready
    const isFirst = !member.acquainted
    member.acquainted = true
    this.#strangers.delete(from)
    // Numbers first: what they show to be missing keeps a joining shard from being ready.
    this.#listener.onStreams(from, beat.streams)
    if (isFirst) this.#listener.onAcquainted(from)
    if (changed || isFirst) this.#listener.onShardsChanged(from, readyBefore)
  }

  /** A member said that it does not hold the shard: it is not asked again before a heartbeat of it says otherwise. */
  onLetGo(node: NodeId, shard: number): void {
    const member = this.#members.get(node)
    if (member !== undefined) member.ready = withoutShard(member.ready, shard)
  }

  onNews(list: readonly MemberNews[]): void {
    let learned = false
    for (const news of list) {
      if (news.node === this.#context.self) continue
      if (news.state === 'left') this.#coldStart.onAccounted(news.node)
      const member = this.#members.get(news.node)
      if (member === undefined) {
        if (news.state === 'left' || news.state === 'dead' || this.#members.size >= MEMBERS_MAX) continue
        this.#add(news)
        learned = true
      } else if (!member.connected && news.incarnation >= member.news.incarnation) {
        const later = news.incarnation > member.news.incarnation
        if (later && isPresent(member)) this.#endLife(member)
        learned ||= later || member.news.addresses.join() !== news.addresses.join()
        member.isLeaving &&= !later
        member.news = news
        if (news.state === 'left' && isPresent(member)) this.#end(member, 'left')
        // A new life of a member that was gone: what is told of it from now on is not that it left or died.
        else if (later && news.state !== 'left' && !isPresent(member)) this.#enter(member, 'unmet')
      } else if (news.state === 'left' && news.incarnation === member.news.incarnation && isPresent(member)) {
        this.#end(member, 'left')
      }
      if (member !== undefined && news.state === 'suspect') this.#onSuspected(member, news.incarnation)
      if (member !== undefined && news.state === 'leaving') this.#onLeaving(member, news.incarnation)
    }
    if (learned) this.#publishDialList()
  }

  /** Somebody who watches a member does not hear it. Who does not watch it begins to, and asks it least from now on. */
  #onSuspected(member: Member, incarnation: Incarnation): void {
    if (member.state !== 'alive' || incarnation !== member.news.incarnation) return
    if (member.watchedSinceAwakeMs === undefined && this.silenceMs(member) > HEARTBEAT_MS) this.#suspect(member)
  }

  #onLeaving(member: Member, incarnation: Incarnation): void {
    if (member.isLeaving || incarnation !== member.news.incarnation || !isPresent(member)) return
    member.isLeaving = true
    this.#context.notice({ type: 'member:leaving', node: member.news.node, name: member.news.name })
    this.#listener.onMembersChanged()
  }

  /** Tell everybody that this node is about to go: from now on it is given nothing. Said again with every round. */
  startLeaving(): void {
    this.#introductions.sayThatItGoes('leaving', this.reachable())
  }

  /** Tell everybody that this node goes. */
  leave(): void {
    this.#introductions.sayThatItGoes('left', this.reachable())
  }

  /** Tell soon what changed of this node's shards, instead of with the next heartbeat. Changes come in swarms. */
  heartbeatSoon(): void {
    this.#heartbeats.soon()
  }

  onVouchAsk(from: NodeId, ask: VouchAsk): void {
    this.#vouching.onAsk(from, ask)
  }

  onVouch(vouch: Vouch): void {
    this.#vouching.onVouch(vouch)
  }

  /** How long a member has been silent while this node was awake, in milliseconds. */
  silenceMs(member: Member): number {
    return this.awakeMs - member.heardAtAwakeMs
  }

  /** First of all in every step: did this node run when it wanted to? */
  noticeStall(): void {
    if (this.#heartbeats.noticeStall() < GIVEN_UP_MS) return
    this.#mayBeGivenUp = true
    for (const member of this.#members.values()) member.beatSentBeforePause = member.beatSent
  }

  /**
   * Whether this node stood still for so long that others may have declared it dead, and not all of them have heard it since: who
   * takes it for dead listens to nothing but its greeting, so what it writes has no copies yet.
   */
  get mayBeGivenUp(): boolean {
    return this.#mayBeGivenUp
  }

  nextDueMs(): number {
    return this.#heartbeats.dueMs
  }

  tick(): void {
    const { nowMs } = this.#context
    const { dueMs } = this.#heartbeats
    if (nowMs < dueMs) return
    // Where they were reached last is the best guess at where they are.
    if (dueMs === Number.NEGATIVE_INFINITY && this.#coldStart.isWaiting) this.#publishDialList()
    this.#mayBeGivenUp &&= this.#isAnyoneDeaf()
    this.#vouching.tick()
    this.#forgetEarlierMembers()
    if (!this.#context.lacks('greeting-retry')) {
      for (const node of this.#strangers.keys()) this.#introductions.greet(node)
    }
    if (this.#introductions.isLeaving) this.startLeaving()
    this.#heartbeats.round(this.#members.values())
    if (this.#doubt.mayJudge(nowMs)) for (const member of this.#members.values()) this.#judge(member)
  }

  /** Whether somebody who is watched has not said to have heard this node since its last long pause. */
  #isAnyoneDeaf(): boolean {
    for (const member of this.present()) {
      const { watchedSinceAwakeMs, echoHeard, beatSentBeforePause } = member
      if (watchedSinceAwakeMs !== undefined && echoHeard <= beatSentBeforePause) return true
    }
    return false
  }

  #forgetEarlierMembers(): void {
    if (this.awakeMs - this.#startedAtAwakeMs > FORGET_MS && this.#coldStart.forget()) this.#publishDialList()
  }

  #judge(member: Member): void {
    const { factor } = this.#doubt
    if (member.state === 'alive' && this.#heartbeats.silenceMs(member) > SUSPECT_MS * factor) {
      this.#suspect(member)
      this.#gossipSuspicion(member)
    } else if (member.state === 'suspect' && this.#isProvenDead(member, DEAD_MS * factor)) this.#end(member, 'dead')
    else if (member.state === 'suspect') this.#vouching.ask(member)
    else if (!member.connected && !isPresent(member) && this.awakeMs - member.sinceAwakeMs > FORGET_MS) {
      this.#members.delete(member.news.node)
      this.#publishDialList()
    }
  }

  /** Where not everybody watches everybody, who watches tells the others. They look for themselves before they judge. */
  #gossipSuspicion(suspect: Member): void {
    const others = [...this.reachable()].filter((member) => member !== suspect)
    if (others.length > HEARTBEAT_ALL_MAX) this.#introductions.spread(suspect, others)
  }

  /** Suspected so long, and not heard by anybody in as long, or suspected longer than the word of others counts. */
  #isProvenDead(suspect: Member, patienceMs: number): boolean {
    const suspectedMs = this.awakeMs - suspect.sinceAwakeMs
    if (suspectedMs <= patienceMs) return false
    return this.awakeMs - suspect.vouchedAtAwakeMs > patienceMs || suspectedMs > VOUCHED_MS_MAX
  }

  /** Time in which this node ran, in milliseconds: what patience is counted in. */
  get awakeMs(): number {
    return this.#doubt.awakeMs(this.#context.nowMs)
  }

  #add(news: MemberNews): Member {
    const member = createMember(news, this.awakeMs)
    this.#members.set(news.node, member)
    return member
  }

  #enter(member: Member, state: Member['state']): void {
    member.state = state
    member.sinceAwakeMs = this.awakeMs
    this.#heartbeats.onChange()
  }

  #suspect(member: Member): void {
    this.#enter(member, 'suspect')
    member.vouchedAtAwakeMs = Number.NEGATIVE_INFINITY
    member.askAtAwakeMs = this.awakeMs
    this.#vouching.ask(member)
    this.#context.notice({ type: 'member:suspect', node: member.news.node, name: member.news.name })
  }

  #end(member: Member, state: 'left' | 'dead'): void {
    this.#enter(member, state)
    const { node, name } = member.news
    this.#endLife(member)
    if (state === 'left') this.#publishDialList()
    this.#context.notice({ type: 'member:down', node, name, state })
    this.#listener.onMembersChanged()
  }

  #endLife(member: Member): void {
    member.joined = NO_SHARDS
    member.ready = NO_SHARDS
    member.beatHeard = 0
    this.#listener.onLifeEnded(member.news.node, member.news.incarnation)
  }

  /** What a member says does not fit what is known of it: let it say again who it is. */
  #askGreeting(member: Member, knownIncarnation: Incarnation): void {
    if (this.#context.nowMs < member.askedAtMs + HEARTBEAT_MS || this.#context.lacks('greet-again')) return
    member.askedAtMs = this.#context.nowMs
    this.#context.send(member.news.node, { type: 'refused', knownIncarnation })
  }

  #publishDialList(): void {
    const list = new Map<NodeId, readonly string[]>()
    for (const { node, addresses } of this.#coldStart.missing) if (addresses.length > 0) list.set(node, addresses)
    for (const { news, state } of this.#members.values()) if (state !== 'left') list.set(news.node, news.addresses)
    this.#context.out.members = list
  }
}
