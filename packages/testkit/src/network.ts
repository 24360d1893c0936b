/**
 * The network of a simulated cluster: what arrives, when, and what never does.
 *
 * It models what `@reprise/p2p` promises and no more. *Frames* are published to the peers that the publisher knows as
 * subscribers (it learns of a subscription 20 to 60 ms late); each is lost, doubled, late or overtaken on its own. *Messages*
 * go over the lanes of a connection: in order and complete per lane while the connection lives, all lost when it breaks, and
 * now and then refused because a buffer is full. Lanes and frames do not wait for each other.
 *
 * ```
 *            up at both ends                     blocked longer than the ends' patience, or an end crashed
 *  (none) ───────────────────► open ◄──► stalled ────────────────────────────► half closed ─► (none)
 *    ▲                          a short block: messages wait, frames are lost                      │
 *    └──────────────── unblocked and both nodes run: dialled again after a jitter ─────────────────┘
 * ```
 *
 * Directions are blocked one by one, so that a one-way cut is the same thing as a partition with less of it. A direction may
 * also be slow, when what is sent queues up to a bound, or full, when everything is refused. To a node that is paused all
 * arrives, and its peers lose patience with it.
 */
import type { Lane } from '@reprise/core'
import type { Message } from './connection.ts'
import { Connection, Direction, Station } from './connection.ts'
import type { EventQueue } from './event-queue.ts'
import type { Random } from './random.ts'

/** How the network behaves, as data. Rates are probabilities; times are milliseconds. */
export interface NetworkConditions {
  readonly frameLossRate: number
  readonly frameDuplicateRate: number
  /** Frames that are late by up to `lateMsMax`, and so overtaken by later ones. */
  readonly frameLateRate: number
  readonly lateMsMax: number
  readonly delayMsMin: number
  readonly delayMsMax: number
  /** Messages that the sending side drops because its buffer is full. */
  readonly refuseRate: number
  /** How long an end of a silent connection waits before it gives it up. */
  readonly patienceMsMin: number
  readonly patienceMsMax: number
}

/** A network on which nothing goes wrong. */
export const CALM: NetworkConditions = {
  frameLossRate: 0,
  frameDuplicateRate: 0,
  frameLateRate: 0,
  lateMsMax: 0,
  delayMsMin: 0.2,
  delayMsMax: 2,
  refuseRate: 0,
  patienceMsMin: 1_000,
  patienceMsMax: 3_000,
}

/** What the network tells the nodes, which are numbered from 0. */
export interface NetworkEvents {
  onPeerUp(node: number, peer: number): void
  onPeerDown(node: number, peer: number): void
  onSubscriber(node: number, peer: number, shard: number): void
  onFrame(node: number, from: number, shard: number, bytes: Uint8Array): void
  onMessage(node: number, from: number, lane: Lane, bytes: Uint8Array): void
  /** Something was sent, for who draws it. Times are when it left and when it will arrive; undefined: never. */
  onTransfer?(from: number, to: number, bytes: Uint8Array, isFrame: boolean, arrivesAtMs: number | undefined): void
}

export interface NetworkCounters {
  framesSent: number
  framesLost: number
  messagesSent: number
  messagesLost: number
  messageBytes: number
  connections: number
  /** Messages sent by their number on the wire, which is their first byte. */
  readonly byNumber: number[]
}

export class Network {
  readonly counters: NetworkCounters = {
    framesSent: 0,
    framesLost: 0,
    messagesSent: 0,
    messagesLost: 0,
    messageBytes: 0,
    connections: 0,
    byNumber: new Array(256).fill(0),
  }
  #conditions: NetworkConditions
  /** Conditions that replace the usual ones for a while, the latest first. */
  readonly #storms: NetworkConditions[] = []
  readonly #queue: EventQueue
  readonly #random: Random
  readonly #events: NetworkEvents
  readonly #stations: readonly Station[]
  /** By `from * count + to`, as far as something was ever wrong with them. */
  readonly #directions: (Direction | undefined)[]
  readonly #connections: (Connection | undefined)[]
  #queuedUntilMs = Number.NEGATIVE_INFINITY

  constructor(count: number, conditions: NetworkConditions, queue: EventQueue, random: Random, events: NetworkEvents) {
    this.#conditions = conditions
    this.#queue = queue
    this.#random = random
    this.#events = events
    this.#stations = Array.from({ length: count }, () => new Station())
    this.#directions = new Array(count * count).fill(undefined)
    this.#connections = new Array(count * count).fill(undefined)
  }

  /** Whether something is still on its way in a direction that is or was slow. */
  get isBehind(): boolean {
    return this.#queuedUntilMs >= this.#queue.nowMs
  }

  get conditions(): NetworkConditions {
    return this.#storms[0] ?? this.#conditions
  }

  set conditions(conditions: NetworkConditions) {
    this.#conditions = conditions
  }

  /** Let other conditions hold, until the returned function is called. */
  storm(changes: Partial<NetworkConditions>): () => void {
    const storm = { ...this.#conditions, ...changes }
    this.#storms.unshift(storm)
    return () => {
      this.#storms.splice(this.#storms.indexOf(storm), 1)
    }
  }

  /** A node's process runs: it dials everybody and is dialled, within `jitterMs`. */
  start(node: number, jitterMs: number): void {
    const station = this.#station(node)
    station.isUp = true
    station.isPaused = false
    station.life++
    station.subscriptions.clear()
    for (let peer = 0; peer < this.#stations.length; peer++) if (peer !== node) this.#dialLater(node, peer, jitterMs)
  }

  /**
   * A node's process is gone. What it had sent may still arrive for a moment.
   * @param isSilent the host went with it: peers notice by their patience only.
   */
  crash(node: number, isSilent: boolean): void {
    const station = this.#station(node)
    station.isUp = false
    const lastWordsUntilMs = this.#queue.nowMs + this.#random.between(0, 2 * this.conditions.delayMsMax)
    station.lastWordsUntilMs = lastWordsUntilMs
    for (let peer = 0; peer < this.#stations.length; peer++) {
      const connection = peer === node ? undefined : this.#connection(node, peer)
      if (connection === undefined) continue
      const end = connection.end(node)
      end.isOpen = false
      end.isGivenUp = true
      end.lastWordsUntilMs = lastWordsUntilMs
      station.known(peer).clear()
      const noticedInMs = isSilent ? this.#patience() : this.#delay() + 1
      this.#queue.after(noticedInMs, () => this.#close(connection, peer))
    }
  }

  isUp(node: number): boolean {
    return this.#station(node).isUp
  }

  /**
   * A node's process does not run. Its host still takes what arrives; connections to it cannot be made.
   * @param isLong nothing is heard of it, so its peers give its connections up after their patience.
   */
  pause(node: number, isLong: boolean): void {
    const station = this.#station(node)
    station.isPaused = true
    const pause = ++station.pauses
    for (let peer = 0; isLong && peer < this.#stations.length; peer++) {
      const connection = peer === node ? undefined : this.#connection(node, peer)
      if (connection === undefined) continue
      this.#queue.after(this.#patience(), () => {
        if (station.isPaused && station.pauses === pause) this.#close(connection, peer)
      })
    }
  }

  wake(node: number): void {
    this.#station(node).isPaused = false
    for (let peer = 0; peer < this.#stations.length; peer++) if (peer !== node) this.#dialLater(node, peer, 300)
  }

  /** Everything in this direction is refused, until `accept` is called as often. */
  refuse(from: number, to: number): void {
    this.#direction(from, to).refusals++
  }

  accept(from: number, to: number): void {
    this.#direction(from, to).refusals--
  }

  /** Something arrives only every `gapMs`, and what is sent meanwhile queues; 0 ends it. */
  slow(from: number, to: number, gapMs: number): void {
    this.#direction(from, to).gapMs = gapMs
  }

  /** Whether the two have an open connection and nothing between them is blocked. */
  isConnected(a: number, b: number): boolean {
    const connection = this.#connection(a, b)
    if (connection?.end(a).isOpen !== true || !connection.end(b).isOpen) return false
    return !this.#isBlocked(a, b) && !this.#isBlocked(b, a)
  }

  /** Nothing sent by the one reaches the other, until `unblock` is called as often. */
  block(from: number, to: number): void {
    if (++this.#direction(from, to).blocks > 1) return
    const connection = this.#connection(from, to)
    if (connection === undefined) return
    // Either end misses something: the one hears nothing, the other's writes are not acknowledged.
    for (const node of [from, to]) {
      this.#queue.after(this.#patience(), () => {
        if (this.#isBlocked(from, to)) this.#close(connection, node)
      })
    }
  }

  unblock(from: number, to: number): void {
    if (--this.#direction(from, to).blocks > 0) return
    const connection = this.#connection(from, to)
    if (connection === undefined || (connection.end(from).isGivenUp && connection.end(to).isGivenUp)) {
      this.#dialLater(from, to, 300)
      return
    }
    const held = connection.end(to).held.splice(0)
    for (const message of held) this.#deliverLater(connection, from, to, message)
    this.#closeOther(connection)
  }

  subscribe(node: number, shards: readonly number[]): void {
    const station = this.#station(node)
    for (const shard of shards) station.subscriptions.add(shard)
    this.#announce(node, shards)
  }

  unsubscribe(node: number, shards: readonly number[]): void {
    const station = this.#station(node)
    for (const shard of shards) station.subscriptions.delete(shard)
    this.#announce(node, shards)
  }

  publish(from: number, shard: number, bytes: Uint8Array): void {
    const { life } = this.#station(from)
    const { frameLossRate, frameDuplicateRate, frameLateRate, lateMsMax } = this.conditions
    for (let to = 0; to < this.#stations.length; to++) {
      if (to === from || !this.#station(from).known(to).has(shard)) continue
      if (this.#connection(from, to)?.end(from).isOpen !== true) continue
      this.counters.framesSent++
      if (this.#isBlocked(from, to) || this.#isRefused(from, to) || this.#random.chance(frameLossRate)) {
        this.counters.framesLost++
        this.#events.onTransfer?.(from, to, bytes, true, undefined)
        continue
      }
      const receiverLife = this.#station(to).life
      for (let copies = this.#random.chance(frameDuplicateRate) ? 2 : 1; copies > 0; copies--) {
        const lateMs = this.#random.chance(frameLateRate) ? this.#random.between(0, lateMsMax) : 0
        const arrivesAtMs = this.#throttled(from, to, this.#queue.nowMs + (this.#delay() + lateMs))
        this.#events.onTransfer?.(from, to, bytes, true, arrivesAtMs)
        if (arrivesAtMs === undefined) {
          this.counters.framesLost++
          continue
        }
        this.#queue.at(arrivesAtMs, () => {
          const receiver = this.#station(to)
          const isHere = receiver.isUp && receiver.life === receiverLife && receiver.subscriptions.has(shard)
          if (!isHere || !this.#mayArrive(from, life) || this.#isBlocked(from, to)) this.counters.framesLost++
          else this.#events.onFrame(to, from, shard, bytes)
        })
      }
    }
  }

  send(from: number, to: number, lane: Lane, bytes: Uint8Array): void {
    this.counters.messagesSent++
    this.counters.messageBytes += bytes.length
    const number = bytes[0] as number
    this.counters.byNumber[number] = (this.counters.byNumber[number] as number) + 1
    const connection = this.#connection(from, to)
    const isOpen = connection?.end(from).isOpen === true && !this.#isRefused(from, to)
    if (connection === undefined || !isOpen || this.#random.chance(this.conditions.refuseRate)) {
      this.counters.messagesLost++
      this.#events.onTransfer?.(from, to, bytes, false, undefined)
      return
    }
    this.#deliverLater(connection, from, to, { lane, bytes })
  }

  #deliverLater(connection: Connection, from: number, to: number, message: Message): void {
    const end = connection.end(to)
    const lineMs = this.#throttled(from, to, this.#queue.nowMs + this.#delay())
    const arrivesAtMs = lineMs === undefined ? undefined : Math.max(end.lastAtMs[message.lane], lineMs)
    this.#events.onTransfer?.(from, to, message.bytes, false, arrivesAtMs)
    if (arrivesAtMs === undefined) {
      this.counters.messagesLost++
      return
    }
    end.lastAtMs[message.lane] = arrivesAtMs
    this.#queue.at(arrivesAtMs, () => {
      if (!end.isOpen || this.#queue.nowMs > connection.end(from).lastWordsUntilMs) this.counters.messagesLost++
      else if (this.#isBlocked(from, to) || end.held.length > 0) end.held.push(message)
      else this.#events.onMessage(to, from, message.lane, message.bytes)
    })
  }

  #dialLater(a: number, b: number, jitterMs: number): void {
    this.#queue.after(this.#random.between(1, jitterMs), () => this.#connect(a, b))
  }

  #connect(a: number, b: number): void {
    if (!this.#isRunning(a) || !this.#isRunning(b) || this.#isBlocked(a, b) || this.#isBlocked(b, a)) return
    const old = this.#connection(a, b)
    if (old !== undefined) {
      if (!old.end(a).isGivenUp && !old.end(b).isGivenUp) return
      // The dialled side learns by the new connection that the old one is no more.
      for (const node of [a, b]) this.#close(old, node)
    }
    const connection = new Connection(a, b)
    this.counters.connections++
    this.#setConnection(a, b, connection)
    for (const [node, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const upAtMs = this.#queue.nowMs + this.#delay()
      const end = connection.end(node)
      end.lastAtMs.control = upAtMs
      end.lastAtMs.bulk = upAtMs
      this.#queue.at(upAtMs, () => {
        if (this.#connection(a, b) !== connection || end.isGivenUp) return
        end.isOpen = true
        this.#events.onPeerUp(node, peer)
        this.#announceTo(node, peer, [...this.#station(node).subscriptions])
      })
    }
  }

  /** A node gives its end of a connection up. */
  #close(connection: Connection, node: number): void {
    const peer = connection.peerOf(node)
    const end = connection.end(node)
    if (end.isGivenUp) return
    const wasOpen = end.isOpen
    end.isOpen = false
    end.isGivenUp = true
    end.held.length = 0
    this.#station(node).known(peer).clear()
    if (connection.end(peer).isGivenUp || !this.isUp(peer)) {
      if (this.#connection(node, peer) === connection) this.#setConnection(node, peer, undefined)
      this.#dialLater(node, peer, 300)
    } else this.#closeOther(connection)
    if (wasOpen && this.isUp(node)) this.#events.onPeerDown(node, peer)
  }

  /** An end whose other end is closed learns of it as soon as something can reach it. */
  #closeOther(connection: Connection): void {
    const { a, b } = connection
    for (const [closed, open] of [
      [a, b],
      [b, a],
    ] as const) {
      if (!connection.end(closed).isGivenUp || connection.end(open).isGivenUp || this.#isBlocked(closed, open)) continue
      this.#queue.after(this.#delay(), () => {
        if (!this.#isBlocked(closed, open)) this.#close(connection, open)
      })
    }
  }

  #announce(node: number, shards: readonly number[]): void {
    for (let peer = 0; peer < this.#stations.length; peer++) if (peer !== node) this.#announceTo(node, peer, shards)
  }

  /** Let a peer learn how the node's subscriptions of these shards stand when the news gets there. */
  #announceTo(node: number, peer: number, shards: readonly number[]): void {
    const connection = this.#connection(node, peer)
    if (connection === undefined || shards.length === 0) return
    this.#queue.after(this.#random.between(SUBSCRIPTION_MS_MIN, SUBSCRIPTION_MS_MAX), () => {
      if (connection.end(node).isGivenUp || connection.end(peer).isGivenUp) return
      if (!connection.end(peer).isOpen || this.#isBlocked(node, peer)) {
        this.#announceTo(node, peer, shards)
        return
      }
      const known = this.#station(peer).known(node)
      for (const shard of shards) {
        if (!this.#station(node).subscriptions.has(shard)) known.delete(shard)
        else {
          known.add(shard)
          this.#events.onSubscriber(peer, node, shard)
        }
      }
    })
  }

  #mayArrive(from: number, life: number): boolean {
    const sender = this.#station(from)
    return (sender.life === life && sender.isUp) || this.#queue.nowMs <= sender.lastWordsUntilMs
  }

  #isRunning(node: number): boolean {
    const { isUp, isPaused } = this.#station(node)
    return isUp && !isPaused
  }

  #isBlocked(from: number, to: number): boolean {
    const direction = this.#directions[from * this.#stations.length + to]
    return direction !== undefined && direction.blocks > 0
  }

  #isRefused(from: number, to: number): boolean {
    const direction = this.#directions[from * this.#stations.length + to]
    return direction !== undefined && direction.refusals > 0
  }

  /** When something that would arrive then arrives in this direction, which may be slow; undefined when its queue is full. */
  #throttled(from: number, to: number, arrivesAtMs: number): number | undefined {
    const direction = this.#directions[from * this.#stations.length + to]
    if (direction === undefined || direction.gapMs === 0) return arrivesAtMs
    const queuedAtMs = Math.max(arrivesAtMs, direction.lastAtMs + direction.gapMs)
    if (queuedAtMs > this.#queue.nowMs + SLOW_QUEUE_MS_MAX) return undefined
    direction.lastAtMs = queuedAtMs
    this.#queuedUntilMs = Math.max(this.#queuedUntilMs, queuedAtMs)
    return queuedAtMs
  }

  #direction(from: number, to: number): Direction {
    const place = from * this.#stations.length + to
    let direction = this.#directions[place]
    if (direction === undefined) {
      direction = new Direction()
      this.#directions[place] = direction
    }
    return direction
  }

  #delay(): number {
    return this.#random.between(this.conditions.delayMsMin, this.conditions.delayMsMax)
  }

  #patience(): number {
    return this.#random.between(this.conditions.patienceMsMin, this.conditions.patienceMsMax)
  }

  #station(node: number): Station {
    return this.#stations[node] as Station
  }

  #connection(a: number, b: number): Connection | undefined {
    return this.#connections[Math.min(a, b) * this.#stations.length + Math.max(a, b)]
  }

  #setConnection(a: number, b: number, connection: Connection | undefined): void {
    this.#connections[Math.min(a, b) * this.#stations.length + Math.max(a, b)] = connection
  }
}

/** A slow direction refuses what would arrive later than this. */
export const SLOW_QUEUE_MS_MAX = 3_000
const SUBSCRIPTION_MS_MIN = 20
const SUBSCRIPTION_MS_MAX = 60
