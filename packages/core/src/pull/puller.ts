/**
 * Finding a session: what is here, else what others have, and what may be concluded from their silence (rules R1, R2, R3).
 *
 * Two ways of looking. `any` is for what is written once: a local copy will do; else the nearest ready holder is asked, and
 * after the hedge delay the next; the first complete answer wins (Dean and Barroso, "The tail at scale", 2013). `latest` is
 * a takeover: all ready holders and the last writer are asked at once and all answers merged; stragglers get the hedge
 * delay once a complete copy is there. Neither waits for a failure detector. Callers that come while an `any` is under way
 * share it, however many they are; a `latest` is shared by those who came at the same moment.
 */
import {
  CHUNK_HEDGE_MS_MAX,
  CHUNK_HEDGE_MS_MIN,
  FLIGHTS_MAX,
  HEDGE_MS_INITIAL,
  HEDGE_MS_MAX,
  HEDGE_MS_MIN,
  OUTSIDE_WIRE,
  RESUME_DEADLINE_MS_DEFAULT,
  REVALIDATE_MS,
} from '../constants.ts'
import type { Context } from '../context.ts'
import { LimitError } from '../errors.ts'
import type { Origin, Outcome } from '../outbox.ts'
import { isChunkKey } from '../session/blob.ts'
import { isRemainder, remainder } from '../session/floor.ts'
import type { SessionKey } from '../session/id.ts'
import type { LiveRecord, SessionRecord } from '../session/record.ts'
import { endsAtMs, highestVersion, MISSING, missingPortions, withoutValues } from '../session/record.ts'
import type { WriteProof } from '../session/token.ts'
import { meetsProof } from '../session/token.ts'
import type { NodeId } from '../session/version.ts'
import { compareVersions } from '../session/version.ts'
import type { Copy, Entry } from '../table/entry.ts'
import type { Answer, AnswerStatus, Pull, PullChunk } from '../wire/messages.ts'
import type { KeyedRecord } from '../wire/record-codec.ts'

export interface ResumeCommand {
  readonly request: number
  readonly key: SessionKey
  readonly portions: readonly string[] | undefined
  readonly proof: WriteProof | undefined
  readonly consistency: 'latest' | 'any'
  /** How long ago a copy outside its holders may have been known to be current, in milliseconds. Default `REVALIDATE_MS`. */
  readonly maxAgeMs?: number | undefined
  readonly deadlineMs: number
}

/** What the puller needs to know of the cluster. */
export interface PullPorts {
  /** Whether this node is a ready holder of the shard. */
  isReady(shard: number): boolean
  /** Members known as ready holders of the shard, reachable or not. */
  readyHolders(shard: number): readonly NodeId[]
  /** Members that shall hold the shard, ready or not. */
  holders(shard: number): readonly NodeId[]
  /** Members that can be asked now, nearest first, with those that joined the shard before the others. */
  reachable(shard: number): readonly NodeId[]
  isReachable(node: NodeId): boolean
  /** Whether the member is remembered, and did not leave in this life or a later one. */
  isRemembered(node: NodeId, incarnation: number): boolean
  /** Whether the member keeps more than holders have room for. */
  isRepository(node: NodeId): boolean
  ingest(records: readonly KeyedRecord[], from: NodeId): void
}

export class Puller {
  readonly #context: Context
  readonly #ports: PullPorts
  readonly #flights = new Set<Flight>()
  /** The flight that more callers of the same search may join. */
  readonly #joinable = new Map<string, Flight>()
  /** Sessions that are being fetched, and by how many flights. */
  readonly #fetched = new Map<SessionKey, number>()
  readonly #byRequest = new Map<number, { flight: Flight; node: NodeId; sentAtMs: number }>()
  #nextRequest = 1
  /** Chunks are answered on the bulk lane, behind each other: how long that takes says nothing about sessions. */
  readonly #sessionTimes = new AnswerTimes(HEDGE_MS_MIN, HEDGE_MS_MAX)
  readonly #chunkTimes = new AnswerTimes(CHUNK_HEDGE_MS_MIN, CHUNK_HEDGE_MS_MAX)
  localHits = 0
  pulls = 0

  constructor(context: Context, ports: PullPorts) {
    this.#context = context
    this.#ports = ports
  }

  get underWay(): number {
    return this.#flights.size
  }

  /** Look for a session and report the outcome once, at the latest at the deadline. */
  resume(command: ResumeCommand, onOutcome: (outcome: Outcome) => void): void {
    const { table, nowMs } = this.#context
    const shard = table.shardOf(command.key)
    const caller: Caller = { ...command, untilMs: nowMs + command.deadlineMs, onOutcome }
    if (command.consistency === 'any') {
      const local = this.#localAnswer(command)
      if (local !== undefined) {
        this.localHits++
        onOutcome(local)
        return
      }
    }
    // Names and ids may hold any character, so nothing can stand between them: no two searches share a name.
    const name = JSON.stringify([command.consistency, command.portions, command.key])
    const joined = this.#joinable.get(name)
    // A takeover wants what is true now: answers to questions from before it was wanted may be older than a write, or a
    // drop, that its caller knows of.
    const isFresh =
      joined?.startedAtMs === nowMs || command.consistency === 'any' || this.#context.lacks('fresh-flight')
    if (joined !== undefined && isFresh) {
      joined.callers.push(caller)
      this.#askTokenWriter(joined, caller)
      return
    }
    if (this.#flights.size >= FLIGHTS_MAX) {
      throw new LimitError(
        'FLIGHTS_MAX',
        this.#flights.size + 1,
        FLIGHTS_MAX,
        'too many sessions are being fetched; try later',
      )
    }
    const flight: Flight = {
      name,
      key: command.key,
      shard,
      portions: command.portions,
      consistency: command.consistency,
      times: isChunkKey(command.key) ? this.#chunkTimes : this.#sessionTimes,
      startedAtMs: nowMs,
      callers: [caller],
      asked: new Map(),
      completeAtMs: undefined,
      nextAskAtMs: nowMs,
    }
    this.#flights.add(flight)
    this.#fetched.set(flight.key, (this.#fetched.get(flight.key) ?? 0) + 1)
    this.#joinable.set(name, flight)
    this.#launch(flight)
    this.#askTokenWriter(flight, caller)
    this.#decideIfPossible(flight)
  }

  /** Fetch what a copy lacks, for nobody who waits. When too much is under way, the audit finds the difference. */
  refill(key: SessionKey, consistency: ResumeCommand['consistency']): void {
    if (this.#flights.size >= FLIGHTS_MAX) return
    const command = { request: NO_REQUEST, key, portions: undefined, proof: undefined, consistency }
    this.resume({ ...command, deadlineMs: RESUME_DEADLINE_MS_DEFAULT }, () => {})
  }

  /** @returns whether such a request was waiting; its outcome is then not reported. */
  cancel(request: number): boolean {
    for (const flight of this.#flights) {
      const at = flight.callers.findIndex((caller) => caller.request === request)
      if (at < 0) continue
      flight.callers.splice(at, 1)
      if (flight.callers.length === 0) this.#end(flight)
      return true
    }
    return false
  }

  onAnswer(from: NodeId, answer: Answer): void {
    const asked = this.#byRequest.get(answer.request)
    // Late answers are merged too: they cost nothing more and are not older than silence.
    if (answer.status === 'found') this.#ports.ingest(answer.records, from)
    if (asked === undefined || asked.node !== from) return
    this.#byRequest.delete(answer.request)
    const { flight } = asked
    flight.times.learn(this.#context.nowMs - asked.sentAtMs)
    const isAbsent = answer.records.some(({ record }) => isRemainder(record))
    flight.asked.set(from, { status: isAbsent ? 'absent' : answer.status, ready: answer.ready })
    if (flight.consistency === 'latest') {
      if (answer.status === 'found') this.#askLastWriter(flight)
      if (!answer.ready) this.#askSuccessors(flight)
    }
    this.#goOn(flight)
  }

  /** Nobody waits for a peer that is gone. */
  onUnreachable(node: NodeId): void {
    for (const flight of [...this.#flights]) {
      if (flight.asked.get(node) !== WAITING) continue
      flight.asked.set(node, SILENT)
      this.#goOn(flight)
    }
  }

  /** Answer somebody else's pull from what is here: at any server, also second-hand (R13). */
  onPull(from: NodeId, pull: Pull | PullChunk): void {
    const { table } = this.#context
    const entry = table.get(pull.key)
    const ready = this.#ports.isReady(table.shardOf(pull.key))
    const record = entry === undefined ? undefined : this.#tellable(entry, pull)
    const status: AnswerStatus = record === undefined ? table.absence(pull.key) : 'found'
    const records = record === undefined ? [] : [{ key: pull.key, record }]
    // A chunk is no small message: it must not stand before heartbeats.
    const lane = pull.type === 'pull' ? 'control' : 'bulk'
    this.#context.send(from, { type: 'answer', request: pull.request, status, ready, records }, lane)
  }

  nextDueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY
    for (const flight of this.#flights) {
      for (const caller of flight.callers) dueMs = Math.min(dueMs, caller.untilMs)
      if (flight.consistency === 'any') dueMs = Math.min(dueMs, flight.nextAskAtMs)
      const hedgedAtMs = (flight.completeAtMs ?? Number.POSITIVE_INFINITY) + flight.times.hedgeMs()
      // Once past, only an answer or the deadline can still change something.
      if (hedgedAtMs > this.#context.nowMs) dueMs = Math.min(dueMs, hedgedAtMs)
    }
    return dueMs
  }

  tick(): void {
    const { nowMs } = this.#context
    for (const flight of [...this.#flights]) {
      if (flight.consistency === 'any' && nowMs >= flight.nextAskAtMs) this.#askNext(flight)
      this.#decideIfPossible(flight)
      for (const caller of [...flight.callers]) {
        if (nowMs >= caller.untilMs && !this.#context.lacks('request-deadline')) this.#report(flight, caller)
      }
      if (flight.callers.length === 0) this.#end(flight)
    }
  }

  /** Whether answers about the session are being merged: without those that came, the rest would be taken for all. */
  isFetching(key: SessionKey): boolean {
    return this.#fetched.has(key)
  }

  /** How long a straggler gets. */
  hedgeMs(): number {
    return this.#sessionTimes.hedgeMs()
  }

  /** What this node may say by itself (rule R3), if it may say anything. */
  #localAnswer({ key, portions, proof, maxAgeMs }: ResumeCommand): Outcome | undefined {
    const entry = this.#context.table.get(key)
    if (entry === undefined || entry.isUnwritten) return undefined
    const { record } = entry
    if (isRemainder(record)) return undefined
    if (proof !== undefined && !meetsProof(record, proof)) return undefined
    if (record.kind === 'dropped') {
      // The id may have a later life by now, of which only its holders hear.
      const isTrusted = maxAgeMs === undefined || this.#ports.isReady(entry.shard)
      return isTrusted ? { outcome: 'absent', reason: 'dropped', from: FROM_HERE } : undefined
    }
    return this.#isUsable(entry, portions, maxAgeMs)
      ? { outcome: 'complete', record, missing: [], from: FROM_HERE }
      : undefined
  }

  /** The same for a session that lives, on the path of every local read: nothing is made. Good until the next look-up. */
  localCopy(key: SessionKey, portions: readonly string[] | undefined, maxAgeMs: number | undefined): Copy | undefined {
    const copy = this.#context.table.look(key)
    if (copy === undefined || !copy.isLive || copy.isUnwritten) return undefined
    return this.#isUsable(copy, portions, maxAgeMs) ? copy : undefined
  }

  /** Whether a live copy may be used without asking anybody, and has what is wanted. */
  #isUsable(copy: Copy, portions: readonly string[] | undefined, maxAgeMs = REVALIDATE_MS): boolean {
    const { nowMs } = this.#context
    // Not for being primary: elsewhere it may have been dropped, and the news of it lost (rule R3).
    const isTrusted = this.#ports.isReady(copy.shard) || nowMs < copy.validatedAtMs + maxAgeMs
    if (!isTrusted || copy.endsAtMs <= nowMs) return false
    return !copy.isLacking || missingPortions(copy.record as LiveRecord, portions).length === 0
  }

  /** An answer came, or will not come: decide, or ask the next one. */
  #goOn(flight: Flight): void {
    this.#decideIfPossible(flight)
    if (flight.consistency !== 'any' || flight.callers.length === 0 || this.#isDone(flight)) return
    this.#askNext(flight)
    this.#decideIfPossible(flight)
  }

  #launch(flight: Flight): void {
    if (flight.consistency === 'any') {
      this.#askNext(flight)
      return
    }
    const ready = this.#ports.readyHolders(flight.shard).filter((node) => this.#ports.isReachable(node))
    // With no ready holder to ask, whoever is here may still know.
    const first = ready.length > 0 ? ready : this.#ports.reachable(flight.shard)
    for (const node of first) this.#ask(flight, node)
    for (const node of this.#ports.readyHolders(flight.shard))
      if (!flight.asked.has(node)) flight.asked.set(node, SILENT)
    this.#askLastWriter(flight)
  }

  #askLastWriter(flight: Flight): void {
    if (this.#context.lacks('last-writer')) return
    const record = this.#context.table.peek(flight.key)?.record
    if (record?.kind === 'live') this.#askIfReachable(flight, highestVersion(record).tenure.node)
  }

  /** It may have let go of the shard since it was asked, to holders of whom this node had not heard yet. */
  #askSuccessors(flight: Flight): void {
    if (this.#context.lacks('ask-successors')) return
    for (const node of this.#ports.holders(flight.shard)) this.#askIfReachable(flight, node)
  }

  /** Who wrote what a token proves has it, even when no holder does yet. */
  #askTokenWriter(flight: Flight, caller: Caller): void {
    if (caller.proof === undefined) return
    const record = this.#context.table.peek(flight.key)?.record
    if (record !== undefined && meetsProof(record, caller.proof)) return
    this.#askIfReachable(flight, caller.proof.version.tenure.node)
  }

  #askIfReachable(flight: Flight, node: NodeId): void {
    if (node !== this.#context.self && !flight.asked.has(node) && this.#ports.isReachable(node)) this.#ask(flight, node)
  }

  #askNext(flight: Flight): void {
    const reachable = this.#ports.reachable(flight.shard)
    const open = reachable.filter((node) => !flight.asked.has(node) && this.#mayAsk(flight, node))
    const next = (this.#isEvicted(flight) ? open.find((node) => this.#ports.isRepository(node)) : undefined) ?? open[0]
    flight.nextAskAtMs = next === undefined ? Number.POSITIVE_INFINITY : this.#context.nowMs + flight.times.hedgeMs()
    if (next !== undefined) this.#ask(flight, next)
  }

  /** Whether somebody had no room for it: others of its holders may have had none either. */
  #isEvicted(flight: Flight): boolean {
    if (this.#context.table.stub(flight.key) !== undefined) return true
    for (const reply of flight.asked.values()) {
      if (reply !== WAITING && reply !== SILENT && reply.status === 'evicted') return true
    }
    return false
  }

  /** Who speaks an earlier version of the wire has no chunks. */
  #mayAsk({ key }: Flight, node: NodeId): boolean {
    return !isChunkKey(key) || this.#context.wireOf(node) >= OUTSIDE_WIRE
  }

  #ask(flight: Flight, node: NodeId): void {
    const request = this.#nextRequest++
    this.#byRequest.set(request, { flight, node, sentAtMs: this.#context.nowMs })
    flight.asked.set(node, WAITING)
    this.pulls++
    if (isChunkKey(flight.key)) {
      this.#context.send(node, { type: 'pull-chunk', request, key: flight.key })
      return
    }
    const record = this.#context.table.peek(flight.key)?.record
    const have: { name: string; version: Pull['have'][number]['version'] }[] = []
    if (record?.kind === 'live') {
      for (const [name, portion] of record.portions) {
        if (portion.value !== MISSING) have.push({ name, version: portion.version })
      }
    }
    this.#context.send(node, { type: 'pull', request, key: flight.key, portions: flight.portions, have })
  }

  #tellable(entry: Entry, pull: Pull | PullChunk): SessionRecord | undefined {
    if (isUnwritten(entry)) return undefined
    // An ended session is as good as none: another holder may have a later touch of it, and says so.
    if (entry.endsAtMs <= this.#context.nowMs) return remainder(entry.floor, this.#context.nowMs)
    return pull.type === 'pull' ? this.#cutToPull(entry.record, pull) : entry.record
  }

  #cutToPull(record: SessionRecord, pull: Pull): SessionRecord {
    if (record.kind === 'dropped') return record
    const have = new Map(pull.have.map(({ name, version }) => [name, version]))
    return withoutValues(record, (name, portion) => {
      const theirs = have.get(name)
      if (theirs !== undefined && compareVersions(theirs, portion.version) >= 0) return false
      return pull.portions === undefined || pull.portions.includes(name)
    })
  }

  #isComplete(flight: Flight): boolean {
    const record = this.#known(flight.key)
    if (record === undefined) return false
    if (record.kind === 'dropped') return true
    return endsAtMs(record) > this.#context.nowMs && missingPortions(record, flight.portions).length === 0
  }

  /** Whether nobody else need be asked: all is here, with what each caller knows to be written. */
  #isDone(flight: Flight): boolean {
    return this.#isComplete(flight) && flight.callers.every((caller) => this.#meets(flight, caller))
  }

  #meets(flight: Flight, { proof }: Caller): boolean {
    if (proof === undefined) return true
    const record = this.#known(flight.key)
    return record !== undefined && meetsProof(record, proof)
  }

  /** What is here of the session: not what an earlier life of its id left behind, which proves nothing of later ones. */
  #known(key: SessionKey): SessionRecord | undefined {
    const record = this.#context.table.peek(key)?.record
    return record !== undefined && isRemainder(record) ? undefined : record
  }

  #decideIfPossible(flight: Flight): void {
    if (flight.callers.length === 0) return
    const { nowMs } = this.#context
    const isWaiting = [...flight.asked.values()].includes(WAITING)
    const answers = [...flight.asked.values()].filter((reply) => reply !== WAITING && reply !== SILENT)
    // Only what somebody said now completes a takeover: the local copy alone may be old.
    if (answers.some((reply) => reply.status === 'found') && this.#isComplete(flight)) flight.completeAtMs ??= nowMs
    const isNowhere = this.#known(flight.key) === undefined && this.#isAbsent(flight)
    const isEnough =
      flight.consistency === 'any'
        ? flight.completeAtMs !== undefined || isNowhere
        : flight.completeAtMs !== undefined && nowMs >= flight.completeAtMs + flight.times.hedgeMs()
    const mayAskMore = flight.consistency === 'any' && Number.isFinite(flight.nextAskAtMs)
    if (!isEnough && (isWaiting || mayAskMore)) return
    for (const caller of [...flight.callers]) {
      // A caller whose write is not here yet waits for whoever was or will be asked, up to its own deadline.
      if (this.#meets(flight, caller) || !(isWaiting || mayAskMore)) this.#report(flight, caller)
    }
    if (flight.callers.length === 0) this.#end(flight)
  }

  #report(flight: Flight, caller: Caller): void {
    flight.callers.splice(flight.callers.indexOf(caller), 1)
    caller.onOutcome(this.#outcome(flight, caller))
  }

  #outcome(flight: Flight, caller: Caller): Outcome {
    const { table, nowMs } = this.#context
    const from = originOf(flight)
    const entry = table.get(flight.key)
    if (entry === undefined || isUnwritten(entry) || isRemainder(entry.record)) {
      const isAbsent = this.#isAbsent(flight) && !this.#isWriterMissing(flight, caller)
      return isAbsent ? { outcome: 'absent', reason: 'not-found', from } : { outcome: 'unknown', from }
    }
    const { record } = entry
    if (caller.proof !== undefined && !this.#context.lacks('proof') && !meetsProof(record, caller.proof)) {
      return { outcome: 'unknown', from }
    }
    if (record.kind === 'dropped') return { outcome: 'absent', reason: 'dropped', from }
    if (endsAtMs(record) <= nowMs && !this.#context.lacks('deadline')) {
      // A touch may be where nobody answered from; only the absolute end is the same everywhere.
      const isOver = record.expiry.absoluteAtMs <= nowMs || this.#isAbsent(flight)
      return isOver ? { outcome: 'absent', reason: 'expired', from } : { outcome: 'unknown', from }
    }
    if (from.answered.length > 0) entry.validatedAtMs = nowMs
    const isFresh = from.answered.length > 0 || this.#isAloneWith(flight, entry)
    if (!isFresh) return { outcome: 'unknown', from }
    const missing = missingPortions(record, flight.portions)
    return missing.length === 0
      ? { outcome: 'complete', record, missing: [], from }
      : { outcome: 'partial', record: record as LiveRecord, missing, from }
  }

  /** Nobody answered. The local copy still counts when nobody else could know better: a ready holder, or the primary. */
  #isAloneWith(flight: Flight, entry: Entry): boolean {
    return entry.tenure !== undefined || this.#ports.isReady(flight.shard) || flight.consistency === 'any'
  }

  /** Absence needs every ready holder to say so, this node included if it is one (rule R2). */
  #isAbsent(flight: Flight): boolean {
    if (this.#context.lacks('absent')) return true
    if (this.#context.table.absence(flight.key) === 'evicted') return false
    let witnesses = this.#ports.isReady(flight.shard) ? 1 : 0
    for (const node of this.#ports.readyHolders(flight.shard)) {
      const reply = flight.asked.get(node)
      if (reply === undefined || reply === WAITING || reply === SILENT) return false
      if (reply.status !== 'absent') return false
      if (reply.ready) witnesses++
    }
    for (const reply of flight.asked.values()) {
      if (reply !== WAITING && reply !== SILENT && reply.status === 'evicted') return false
    }
    return witnesses > 0
  }

  /**
   * Whether a token proves that the session was written, by somebody who did not say what became of it. All ready holders in reach may
   * have come to the shard after a partition, and never heard of what lives on its far side.
   */
  #isWriterMissing(flight: Flight, { proof }: Caller): boolean {
    if (proof === undefined || this.#context.lacks('missing-writer')) return false
    const { node, incarnation } = proof.version.tenure
    const reply = flight.asked.get(node)
    if (reply === WAITING || reply === SILENT) return true
    // It could not be asked when the search began: it may be dead, on the far side of a partition, or back a moment ago.
    return reply === undefined && this.#ports.isRemembered(node, incarnation)
  }

  #end(flight: Flight): void {
    if (!this.#flights.delete(flight)) return
    const others = (this.#fetched.get(flight.key) ?? 1) - 1
    if (others > 0) this.#fetched.set(flight.key, others)
    else this.#fetched.delete(flight.key)
    if (this.#joinable.get(flight.name) === flight) this.#joinable.delete(flight.name)
    for (const [request, asked] of this.#byRequest) if (asked.flight === flight) this.#byRequest.delete(request)
  }
}

/** Mean and mean deviation of answer times, as TCP keeps them (Jacobson 1988): an estimate of the 95th percentile. */
class AnswerTimes {
  #meanMs = HEDGE_MS_INITIAL / 2
  #deviationMs = HEDGE_MS_INITIAL / 4
  readonly #minMs: number
  readonly #maxMs: number

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs
    this.#maxMs = maxMs
  }

  learn(sampleMs: number): void {
    const error = sampleMs - this.#meanMs
    this.#meanMs += error / 8
    this.#deviationMs += (Math.abs(error) - this.#deviationMs) / 4
  }

  hedgeMs(): number {
    return Math.min(this.#maxMs, Math.max(this.#minMs, this.#meanMs + 3 * this.#deviationMs))
  }
}

interface Caller extends ResumeCommand {
  readonly untilMs: number
  readonly onOutcome: (outcome: Outcome) => void
}

/** In place of a request's number: nobody asked. */
const NO_REQUEST = -1
const WAITING = 'waiting'
const SILENT = 'silent'
type Reply = typeof WAITING | typeof SILENT | { readonly status: AnswerStatus; readonly ready: boolean }

interface Flight {
  readonly name: string
  readonly key: SessionKey
  readonly shard: number
  readonly portions: readonly string[] | undefined
  readonly consistency: 'latest' | 'any'
  readonly times: AnswerTimes
  readonly startedAtMs: number
  readonly callers: Caller[]
  readonly asked: Map<NodeId, Reply>
  /** When the first complete copy was there. */
  completeAtMs: number | undefined
  /** When the next holder is asked, for `any`; infinite when everybody was. */
  nextAskAtMs: number
}

const FROM_HERE: Origin = { local: true, answered: [], silent: [] }

function originOf(flight: Flight): Origin {
  const answered: NodeId[] = []
  const silent: NodeId[] = []
  for (const [node, reply] of flight.asked) {
    if (reply === WAITING || reply === SILENT) silent.push(node)
    else if (reply.status === 'found') answered.push(node)
  }
  return { local: answered.length === 0, answered, silent }
}

/** Created here and not committed yet: nothing that others may see. */
function isUnwritten(entry: Entry): boolean {
  return entry.record.kind === 'live' && entry.record.frontier.length === 0
}
