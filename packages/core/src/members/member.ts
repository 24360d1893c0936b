/** What a node keeps of another member. Who changes it is `members.ts`. */
import { ROUND_TRIP_MS_INITIAL } from '../constants.ts'
import { NO_SHARDS } from '../context.ts'
import type { MemberNews, ShardBits } from '../wire/messages.ts'

/** Another member, as this node sees it. Times named awake are on the clock of `SelfDoubt`. */
export interface Member {
  news: MemberNews
  state: 'unmet' | 'alive' | 'suspect' | 'left' | 'dead'
  /** A control stream is open and the greeting came over it. */
  connected: boolean
  /** A heartbeat came over it too: the member accepted this node's greeting, and its shards are known. */
  acquainted: boolean
  /** It said that it goes: it still holds what it holds, and is given nothing any more. */
  isLeaving: boolean
  heardAtAwakeMs: number
  /** When the present state began. */
  sinceAwakeMs: number
  /** When somebody else last heard it, by what was said here since it is suspected. */
  vouchedAtAwakeMs: number
  /** When others are to be asked about it again. */
  askAtAwakeMs: number
  /** The shards it is subscribed to, and those it is a ready holder of. */
  joined: ShardBits
  ready: ShardBits
  /** Smoothed, in milliseconds. */
  roundTripMs: number
  beatSent: number
  beatSentAtMs: number
  /** When the beat before that was sent: of two nodes that beat in step, each hears the other's echo just after its next. */
  lastBeatSentAtMs: number
  beatHeard: number
  beatHeardAtMs: number
  /** The last of this node's beats that it said to have heard. */
  echoHeard: number
  /** The last beat that was sent to it before this node stood still for so long that it may have been given up. */
  beatSentBeforePause: number
  /** Since when its silence means something, while it does. */
  watchedSinceAwakeMs: number | undefined
  /** What it was last told of this node's shards, and with which beat first. */
  toldJoined: ShardBits
  toldReady: ShardBits
  toldWithBeat: number
  /** When it was last asked to greet again. */
  askedAtMs: number
}

export function createMember(news: MemberNews, awakeMs: number): Member {
  return {
    news,
    state: 'unmet',
    connected: false,
    acquainted: false,
    isLeaving: false,
    heardAtAwakeMs: awakeMs,
    sinceAwakeMs: awakeMs,
    vouchedAtAwakeMs: Number.NEGATIVE_INFINITY,
    askAtAwakeMs: 0,
    joined: NO_SHARDS,
    ready: NO_SHARDS,
    roundTripMs: ROUND_TRIP_MS_INITIAL,
    beatSent: 0,
    beatSentAtMs: 0,
    lastBeatSentAtMs: 0,
    beatHeard: 0,
    beatHeardAtMs: 0,
    echoHeard: 0,
    beatSentBeforePause: 0,
    watchedSinceAwakeMs: undefined,
    toldJoined: NO_SHARDS,
    toldReady: NO_SHARDS,
    toldWithBeat: 0,
    askedAtMs: Number.NEGATIVE_INFINITY,
  }
}

/** Whether it counts for placement: met, and not known to be gone. */
export function isPresent(member: Member): boolean {
  return member.state === 'alive' || member.state === 'suspect'
}

/**
 * Whether it keeps shards outside the copy count. Placement gives nothing to who has no weight, so who has none and holds
 * shards all the same is a repository, also to members that never heard of such.
 */
export function isRepository({ news, joined }: Member): boolean {
  return news.weight === 0 && (joined.hi | joined.lo) !== 0
}

/** When a beat was sent to the member, if it is one of the last two. */
export function sentAtMs(member: Member, beat: number): number | undefined {
  if (beat === 0) return undefined
  if (beat === member.beatSent) return member.beatSentAtMs
  return beat === member.beatSent - 1 ? member.lastBeatSentAtMs : undefined
}
