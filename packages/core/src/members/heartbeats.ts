/**
 * Whom to say "I am here" to, when, and whose silence means something.
 *
 * In a cluster of up to `HEARTBEAT_ALL_MAX` others everybody beats everybody. In a larger one that would cost each node as
 * many messages as there are members, all the time, so a node *watches* a few and beats those:
 *
 * - its co-holders, the members with which it shares a shard: they count on each other's acknowledgements;
 * - whoever is not plainly alive, until it is heard or gone;
 * - `HEARTBEATS_RANDOM` others per round, until they answer: a member without co-holders is somebody's business too;
 * - whoever has not confirmed, by an echo, that it heard what this node says of its shards now.
 *
 * Who is beaten and does not watch the other answers once. So the silence of a watched member always means something, and
 * that of the others never does; they hear of a suspicion from who watches (`Members.onNews`), and then watch themselves.
 *
 * When nothing has changed for a while the rounds are further apart: two fit into `SUSPECT_MS` all the same.
 */
import {
  HEARTBEAT_ALL_MAX,
  HEARTBEAT_MS,
  HEARTBEAT_SOON_MS,
  HEARTBEAT_STEADY_MS,
  HEARTBEATS_RANDOM,
  ROUND_TRIP_MS_MAX,
  STEADY_AFTER_MS,
} from '../constants.ts'
import type { Context } from '../context.ts'
import { sameShards } from '../context.ts'
import type { NodeId } from '../session/version.ts'
import type { Heartbeat, ShardBits, ShardNumber } from '../wire/messages.ts'
import type { Member } from './member.ts'
import { isPresent, sentAtMs } from './member.ts'
import type { SelfDoubt } from './self-doubt.ts'

/** What this node's heartbeats say of its shards. */
export interface OwnShards {
  joined(): ShardBits
  ready(): ShardBits
  /** The highest numbers of own streams that the member should know of. */
  streamsFor(node: NodeId): ShardNumber[]
  /** Whether the member holds, or shall hold, a shard that this node holds. */
  isCoHolder(node: NodeId): boolean
}

export class Heartbeats {
  readonly #context: Context
  readonly #doubt: SelfDoubt
  readonly #own: OwnShards
  #dueMs = Number.NEGATIVE_INFINITY
  #changedAtMs: number

  constructor(context: Context, doubt: SelfDoubt, own: OwnShards) {
    this.#context = context
    this.#doubt = doubt
    this.#own = own
    this.#changedAtMs = context.nowMs
  }

  /** When the next round is due; in the past before the first one. */
  get dueMs(): number {
    return this.#dueMs
  }

  /**
   * First of all in every step: a round that is late says that this node did not run, and is due now.
   * @returns for how long it did not run; 0: it did.
   */
  noticeStall(): number {
    if (this.#dueMs === Number.NEGATIVE_INFINITY || this.#context.lacks('self-doubt')) return 0
    const { nowMs } = this.#context
    const pauseMs = this.#doubt.notice(this.#dueMs, nowMs)
    if (pauseMs > 0) this.#dueMs = nowMs
    return pauseMs
  }

  /** Something that others should know of changed: tell it soon, with what else changes meanwhile. */
  soon(): void {
    this.onChange()
    this.#dueMs = Math.min(this.#dueMs, this.#context.nowMs + HEARTBEAT_SOON_MS)
  }

  /** The cluster is not as it was: the next rounds come at the usual pace. */
  onChange(): void {
    this.#changedAtMs = this.#context.nowMs
  }

  /** Beat all who are to be beaten now. */
  round(members: Iterable<Member>): void {
    const { nowMs } = this.#context
    const isSteady = nowMs - this.#changedAtMs > STEADY_AFTER_MS
    this.#dueMs = nowMs + (isSteady ? HEARTBEAT_STEADY_MS : HEARTBEAT_MS)
    this.#doubt.onRound()
    const connected = [...members].filter((member) => member.connected)
    const isSmall = connected.length <= HEARTBEAT_ALL_MAX
    const rest: Member[] = []
    for (const member of connected) {
      if (isSmall || this.#isKept(member)) this.#watch(member)
      else if (member.watchedSinceAwakeMs === undefined || member.heardAtAwakeMs >= member.watchedSinceAwakeMs) {
        member.watchedSinceAwakeMs = undefined
        rest.push(member)
      }
    }
    for (let left = HEARTBEATS_RANDOM; left > 0 && rest.length > 0; left--) {
      const [picked] = rest.splice(this.#context.random() % rest.length, 1)
      if (picked !== undefined) this.#watch(picked)
    }
    for (const member of connected) {
      if (member.watchedSinceAwakeMs !== undefined || !this.#isTold(member)) this.send(member)
    }
  }

  send(member: Member): void {
    const { nowMs } = this.#context
    const joined = this.#own.joined()
    const ready = this.#own.ready()
    member.beatSent++
    member.lastBeatSentAtMs = member.beatSentAtMs
    member.beatSentAtMs = nowMs
    if (!sameShards(joined, member.toldJoined) || !sameShards(ready, member.toldReady)) {
      member.toldJoined = joined
      member.toldReady = ready
      member.toldWithBeat = member.beatSent
    }
    this.#context.send(member.news.node, {
      type: 'heartbeat',
      incarnation: this.#context.incarnation,
      beat: member.beatSent,
      echo: member.beatHeard,
      echoAgeMs: member.beatHeard === 0 ? 0 : Math.floor(nowMs - member.beatHeardAtMs),
      joined,
      ready,
      streams: this.#own.streamsFor(member.news.node),
    })
  }

  /** A heartbeat of the member's present life came. */
  onHeard(member: Member, beat: Heartbeat): void {
    const { nowMs } = this.#context
    const heardBeforeMs = member.beatHeardAtMs
    member.beatHeard = beat.beat
    member.beatHeardAtMs = nowMs
    member.echoHeard = beat.echo
    const echoedAtMs = sentAtMs(member, beat.echo)
    if (echoedAtMs !== undefined && this.#doubt.ranSince(echoedAtMs)) {
      const sampleMs = Math.max(0, nowMs - echoedAtMs - beat.echoAgeMs)
      if (sampleMs <= ROUND_TRIP_MS_MAX) member.roundTripMs += (sampleMs - member.roundTripMs) / 8
    }
    if (heardBeforeMs > 0 && this.#wantsAnswer(member, beat)) this.send(member)
  }

  /** How long a watched member has been silent while this node was awake, in milliseconds. Others are never silent. */
  silenceMs({ heardAtAwakeMs, watchedSinceAwakeMs }: Member): number {
    if (watchedSinceAwakeMs === undefined) return 0
    return this.#doubt.awakeMs(this.#context.nowMs) - Math.max(heardAtAwakeMs, watchedSinceAwakeMs)
  }

  /** Whether it is watched for good, in a large cluster. */
  #isKept(member: Member): boolean {
    return member.state !== 'alive' || this.#own.isCoHolder(member.news.node)
  }

  #watch(member: Member): void {
    member.watchedSinceAwakeMs ??= this.#doubt.awakeMs(this.#context.nowMs)
  }

  /** Whether the member is known to have heard what this node says of its shards now. */
  #isTold(member: Member): boolean {
    if (!sameShards(member.toldJoined, this.#own.joined()) || !sameShards(member.toldReady, this.#own.ready()))
      return false
    return member.echoHeard >= member.toldWithBeat
  }

  /** It is not beaten anyway, was not beaten a moment ago, and this is no answer itself: two would go on for ever. */
  #wantsAnswer(member: Member, beat: Heartbeat): boolean {
    if (!isPresent(member) || member.watchedSinceAwakeMs !== undefined) return false
    const isAnswer = beat.echo === member.beatSent && beat.echoAgeMs < HEARTBEAT_MS / 2
    return !isAnswer && this.#context.nowMs - member.beatSentAtMs >= HEARTBEAT_MS / 2
  }
}
