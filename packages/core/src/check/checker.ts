/**
 * The asking side of a check: do the holders of every shard have equal copies, and are there as many as there should be?
 *
 * ```
 *  ask everybody ─► answers (readiness, digests)
 *     buckets that differ ─► look at them closer, again and again, until
 *         they were seen equal ─► fine        they differ in the same for CHECK_SETTLE_MS ─► divergent
 *  end: everybody answered and nothing is left to be found out, or the deadline
 * ```
 *
 * It observes and changes nothing: what differs is for repairs and audits to mend. One check is under way per node, and
 * whoever asks meanwhile shares it. All of it goes over the bulk lane, where it delays no heartbeat.
 */
import {
  BUCKET_COUNT,
  BUCKETS_PER_SHARD,
  CHECK_BUCKETS_MAX,
  CHECK_DEADLINE_MS_DEFAULT,
  CHECK_LOOKS_MAX,
  CHECK_ROUND_MS_MAX,
  CHECK_ROUND_MS_MIN,
  CHECK_WIRE_MIN,
} from '../constants.ts'
import type { Context } from '../context.ts'
import { allShards, hasShard } from '../context.ts'
import type { Member } from '../members/member.ts'
import { isPresent, isRepository } from '../members/member.ts'
import type { NodeId } from '../session/version.ts'
import { shardOfBucket } from '../table/key-hash.ts'
import type { BucketCopy, CheckAnswer, CheckSeen, ShardCopy } from '../wire/messages.ts'
import { OpenBucket } from './bucket-difference.ts'
import type { CheckedMember, CheckedMembers, CheckReport, ShardFindings } from './check-report.ts'
import { createReport } from './check-report.ts'

export interface CheckCommand {
  readonly request: number
  readonly deadlineMs: number
}

export interface CheckerPorts {
  members(): Iterable<Member>
  isReachable(node: NodeId): boolean
  /** What this node would answer. */
  ownShards(): readonly ShardCopy[]
  ownLook(buckets: readonly number[]): readonly BucketCopy[]
  onDone(request: number, report: CheckReport): void
}

export class Checker {
  readonly #context: Context
  readonly #ports: CheckerPorts
  #check: Check | undefined
  #nextCheck = 1

  constructor(context: Context, ports: CheckerPorts) {
    this.#context = context
    this.#ports = ports
  }

  /** Begin a check, or share the one that is under way. Who shares it does not prolong it: what was asked at first gets old. */
  start({ request, deadlineMs }: CheckCommand): void {
    const { nowMs, self } = this.#context
    const check = this.#check ?? new Check(this.#nextCheck++, nowMs, Math.max(deadlineMs, CHECK_DEADLINE_MS_DEFAULT))
    check.waiters.set(request, Math.min(nowMs + deadlineMs, check.endsAtMs))
    if (check === this.#check) return
    this.#check = check
    this.#take(check, self, this.#ports.ownShards())
    this.#ask(check)
    this.#endIfDone(check)
  }

  /** Nobody waits for the request any more. @returns whether it was a check. */
  cancel(request: number): boolean {
    const check = this.#check
    if (check === undefined || !check.waiters.delete(request)) return false
    if (check.waiters.size === 0) this.#check = undefined
    return true
  }

  onAnswer(from: NodeId, answer: CheckAnswer): void {
    const check = this.#check
    if (check === undefined || check.id !== answer.check || check.copies.has(from)) return
    this.#take(check, from, answer.copies)
    this.#endIfDone(check)
  }

  onSeen(from: NodeId, { check: id, round, copies }: CheckSeen): void {
    const check = this.#check
    if (check === undefined || check.id !== id || check.round !== round) return
    check.onSeen(from, copies)
    if (!check.isRoundOver) return
    check.judge()
    this.#endIfDone(check)
  }

  nextDueMs(): number {
    const check = this.#check
    return check === undefined ? Number.POSITIVE_INFINITY : Math.min(check.nextRoundAtMs, ...check.waiters.values())
  }

  tick(): void {
    const check = this.#check
    if (check === undefined) return
    const { nowMs } = this.#context
    if (nowMs >= check.nextRoundAtMs) {
      check.judge()
      this.#endIfDone(check)
      if (this.#check === check) this.#ask(check)
    }
    for (const [request, dueAtMs] of check.waiters) if (nowMs >= dueAtMs) this.#tell(check, request)
  }

  /** Begin a round: ask who did not answer yet, and look at what differs. */
  #ask(check: Check): void {
    const { nowMs } = this.#context
    check.beginRound(nowMs)
    for (const { news } of this.#awaited(check)) {
      if (this.#ports.isReachable(news.node))
        this.#context.send(news.node, { type: 'check-ask', check: check.id }, 'bulk')
    }
    for (const [node, buckets] of check.questions()) {
      for (let i = 0; i < buckets.length; i += CHECK_BUCKETS_MAX) {
        this.#look(check, node, buckets.slice(i, i + CHECK_BUCKETS_MAX))
      }
    }
  }

  #look(check: Check, node: NodeId, buckets: readonly number[]): void {
    if (node === this.#context.self) check.onSeen(node, this.#ports.ownLook(buckets))
    else if (this.#ports.isReachable(node)) {
      const { id, round } = check
      this.#context.send(node, { type: 'check-look', check: id, round, buckets }, 'bulk')
    }
  }

  /** Take in what a member has, and open the buckets in which it differs from the first who has the shard. */
  #take(check: Check, node: NodeId, copies: readonly ShardCopy[]): void {
    check.copies.set(node, new Map(copies.map((copy) => [copy.shard, copy])))
    if (this.#context.lacks('check-compare')) return
    for (const { shard, isCounted, digests } of copies) {
      if (!isCounted) continue
      const reference = check.references.get(shard)
      if (reference === undefined) {
        check.references.set(shard, node)
        continue
      }
      const theirs = check.copies.get(reference)?.get(shard)?.digests
      for (let i = 0; i < BUCKETS_PER_SHARD; i++) {
        const bucket = shard * BUCKETS_PER_SHARD + i
        const [a, b] = [digests[i], theirs?.[i]]
        const open = check.open.get(bucket)
        if (open !== undefined) open.add(node)
        else if (a?.hi !== b?.hi || a?.lo !== b?.lo) this.#open(check, bucket, reference)
      }
    }
  }

  #open(check: Check, bucket: number, reference: NodeId): void {
    const shard = shardOfBucket(bucket)
    const others = [...check.copies].filter(
      ([node, copies]) => node !== reference && copies.get(shard)?.isCounted === true,
    )
    check.open.set(bucket, new OpenBucket(this.#context, bucket, [reference, ...others.map(([node]) => node)]))
  }

  /** Present members that can be asked and did not answer yet. */
  *#awaited(check: Check): Generator<Member> {
    for (const member of this.#ports.members()) {
      if (isAsked(member) && !this.#isOld(member) && !check.copies.has(member.news.node)) yield member
    }
  }

  #isOld({ news }: Member): boolean {
    return this.#context.wireOf(news.node) < CHECK_WIRE_MIN
  }

  #endIfDone(check: Check): void {
    if (check.isOpen || this.#awaited(check).next().done !== true) return
    for (const request of check.waiters.keys()) this.#tell(check, request)
  }

  #tell(check: Check, request: number): void {
    check.waiters.delete(request)
    if (check.waiters.size === 0) this.#check = undefined
    this.#ports.onDone(request, this.#report(check))
  }

  #report(check: Check): CheckReport {
    const members = this.#members(check)
    const here = new Set([this.#context.self])
    for (const member of this.#ports.members()) if (isPresent(member)) here.add(member.news.node)
    for (const { node } of members.silent) here.delete(node)
    const copies = [...check.copies].filter(([node]) => here.has(node))
    const wanted = this.#wanted()
    const findings = allShards().map((shard): ShardFindings => {
      const held = copies.filter(([, shards]) => shards.get(shard)?.isCounted === true)
      return {
        shard,
        wanted,
        readyHolders: held.map(([node]) => node).sort(),
        evicted: Math.max(0, ...held.map(([, shards]) => shards.get(shard)?.evicted ?? 0)),
        ...check.findings(shard),
      }
    })
    return createReport(members, findings)
  }

  #members(check: Check): CheckedMembers {
    const present = [...this.#ports.members()].filter(isPresent)
    const names = new Map(present.map(({ news }) => [news.node, news.name]))
    const toChecked = ({ news, ready }: Member): CheckedMember => ({
      node: news.node,
      holds: (shard) => hasShard(ready, shard),
    })
    const isSilent = (member: Member): boolean =>
      !this.#isOld(member) && (!check.copies.has(member.news.node) || check.hasFallenSilent(member.news.node))
    const { self, config } = this.#context
    return {
      alive: 1 + present.filter(({ state, isLeaving }) => state === 'alive' && !isLeaving).length,
      suspect: present.filter(({ state, isLeaving }) => state === 'suspect' && !isLeaving).length,
      leaving: present.filter(({ isLeaving }) => isLeaving).length,
      silent: present.filter((member) => isAsked(member) && isSilent(member)).map(toChecked),
      unasked: present.filter((member) => isAsked(member) && this.#isOld(member)).map(toChecked),
      nameOf: (node) => (node === self ? config.name : (names.get(node) ?? node)),
    }
  }

  /** How many ready holders each shard should have. */
  #wanted(): number {
    const { copies, weight } = this.#context.config
    if (Number.isFinite(copies)) return copies + 1
    let members = weight > 0 ? 1 : 0
    for (const member of this.#ports.members()) {
      const isMissed = member.state === 'dead' || (isPresent(member) && !member.isLeaving)
      if (isMissed && member.news.weight > 0) members++
    }
    return members
  }
}

/** A repository is no copy that counts, and nobody waits for it. */
function isAsked(member: Member): boolean {
  return isPresent(member) && !isRepository(member)
}

/** One check: what everybody said so far. */
class Check {
  readonly id: number
  readonly endsAtMs: number
  /** Requests, and when each wants to know. */
  readonly waiters = new Map<number, number>()
  readonly copies = new Map<NodeId, ReadonlyMap<number, ShardCopy>>()
  /** By shard, the holder that the others are compared with. */
  readonly references = new Map<number, NodeId>()
  readonly open = new Map<number, OpenBucket>()
  readonly #divergent: OpenBucket[] = []
  round = 0
  nextRoundAtMs: number
  #roundMs = CHECK_ROUND_MS_MIN
  #beganAtMs = 0
  /** The closer looks of this round by bucket, and how many answers are to come from each member. */
  #looks = new Map<number, Map<NodeId, BucketCopy>>()
  readonly #owed = new Map<NodeId, number>()
  /** In how many rounds, one after the other, a member answered nothing. */
  readonly #silentRounds = new Map<NodeId, number>()

  constructor(id: number, nowMs: number, lastsMs: number) {
    this.id = id
    this.endsAtMs = nowMs + lastsMs
    this.nextRoundAtMs = nowMs
  }

  get isOpen(): boolean {
    return this.open.size > 0
  }

  /** Whether all that was asked for in this round came. */
  get isRoundOver(): boolean {
    return this.#owed.size === 0
  }

  beginRound(nowMs: number): void {
    for (const node of this.#owed.keys()) this.#silentRounds.set(node, (this.#silentRounds.get(node) ?? 0) + 1)
    this.#owed.clear()
    this.#looks = new Map()
    this.round++
    this.#beganAtMs = nowMs
    this.nextRoundAtMs = nowMs + this.#roundMs
    this.#roundMs = Math.min(CHECK_ROUND_MS_MAX, 2 * this.#roundMs)
  }

  /** What to ask each member in this round. */
  questions(): Map<NodeId, number[]> {
    const questions = new Map<NodeId, number[]>()
    // Where there is more than time allows, each check begins elsewhere.
    const turn = (bucket: number): number => (bucket + this.id * CHECK_STRIDE) % BUCKET_COUNT
    const open = [...this.open.values()].sort((a, b) => turn(a.bucket) - turn(b.bucket))
    for (const { bucket, holders } of open.slice(0, CHECK_LOOKS_MAX)) {
      this.#looks.set(bucket, new Map())
      for (const node of holders) {
        const buckets = questions.get(node)
        if (buckets === undefined) questions.set(node, [bucket])
        else buckets.push(bucket)
      }
    }
    for (const [node, buckets] of questions) this.#owed.set(node, Math.ceil(buckets.length / CHECK_BUCKETS_MAX))
    return questions
  }

  onSeen(from: NodeId, copies: readonly BucketCopy[]): void {
    const owed = this.#owed.get(from)
    if (owed === undefined) return
    if (owed > 1) this.#owed.set(from, owed - 1)
    else this.#owed.delete(from)
    this.#silentRounds.delete(from)
    for (const copy of copies) this.#looks.get(copy.bucket)?.set(from, copy)
  }

  /** Judge what was seen in this round, and close what needs no further look. */
  judge(): void {
    for (const [bucket, copies] of this.#looks) {
      const open = this.open.get(bucket)
      if (open === undefined) continue
      open.judge(copies, this.#beganAtMs)
      if (!open.isDecided) continue
      this.open.delete(bucket)
      if (open.divergent.length > 0) this.#divergent.push(open)
    }
    this.#looks = new Map()
  }

  /** Whether a member that answered at first does not any more. */
  hasFallenSilent(node: NodeId): boolean {
    return (this.#silentRounds.get(node) ?? 0) >= SILENT_ROUNDS
  }

  findings(shard: number): Pick<ShardFindings, 'divergent' | 'busy' | 'behind'> {
    const isHere = ({ bucket }: OpenBucket): boolean => shardOfBucket(bucket) === shard
    const open = [...this.open.values()].filter(isHere)
    const divergent = [...this.#divergent.filter(isHere), ...open.filter((one) => one.divergent.length > 0)]
    const undecided = open.filter((one) => one.divergent.length === 0)
    const behind = undecided.filter(({ isStuck }) => isStuck).length
    return {
      divergent: divergent.map((one) => ({ bucket: one.bucket, holders: [...one.divergent].sort() })),
      busy: undecided.length - behind,
      behind,
    }
  }
}

/** From the first bucket of one check to that of the next: prime to their number, and about two fifths of it. */
const CHECK_STRIDE = 397
/** Rounds that a member leaves without an answer before it counts as silent: one may be lost. */
const SILENT_ROUNDS = 2
