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
 * Directions are blocked one by one, so that a one-way cut is the same thing as a partition with less of it.
 */
import type { Lane } from '@reprise/core'
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
}

export interface NetworkCounters {
  framesSent: number
  framesLost: number
  messagesSent: number
  messagesLost: number
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
    connections: 0,
    byNumber: new Array(256).fill(0),
  }
  conditions: NetworkConditions
  readonly #queue: EventQueue
  readonly #random: Random
  readonly #events: NetworkEvents
  readonly #stations: readonly Station[]
  /** How many faults block the direction, by `from * count + to`. */
  readonly #blocks: number[]
  readonly #connections: (Connection | undefined)[]

  constructor(count: number, conditions: NetworkConditions, queue: EventQueue, random: Random, events: NetworkEvents) {
    this.conditions = conditions
    this.#queue = queue
    this.#random = random
    this.#events = events
    this.#stations = Array.from({ length: count }, () => new Station(count))
    this.#blocks = new Array(count * count).fill(0)
    this.#connections = new Array(count * count).fill(undefined)
  }

  /** A node's process runs: it dials everybody and is dialled, within `jitterMs`. */
  start(node: number, jitterMs: number): void {
    const station = this.#station(node)
    station.isUp = true
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

  /** Whether the two have an open connection and nothing between them is blocked. */
  isConnected(a: number, b: number): boolean {
    const connection = this.#connection(a, b)
    if (connection?.end(a).isOpen !== true || !connection.end(b).isOpen) return false
    return !this.#isBlocked(a, b) && !this.#isBlocked(b, a)
  }

  /** Nothing sent by the one reaches the other, until `unblock` is called as often. */
  block(from: number, to: number): void {
    if (this.#addBlocks(from, to, 1) > 1) return
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
    if (this.#addBlocks(from, to, -1) > 0) return
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
      if (this.#isBlocked(from, to) || this.#random.chance(frameLossRate)) {
        this.counters.framesLost++
        continue
      }
      const receiverLife = this.#station(to).life
      for (let copies = this.#random.chance(frameDuplicateRate) ? 2 : 1; copies > 0; copies--) {
        const lateMs = this.#random.chance(frameLateRate) ? this.#random.between(0, lateMsMax) : 0
        this.#queue.after(this.#delay() + lateMs, () => {
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
    const number = bytes[0] as number
    this.counters.byNumber[number] = (this.counters.byNumber[number] as number) + 1
    const connection = this.#connection(from, to)
    if (connection?.end(from).isOpen !== true || this.#random.chance(this.conditions.refuseRate)) {
      this.counters.messagesLost++
      return
    }
    this.#deliverLater(connection, from, to, { lane, bytes })
  }

  #deliverLater(connection: Connection, from: number, to: number, message: Message): void {
    const end = connection.end(to)
    const arrivesAtMs = Math.max(end.lastAtMs[message.lane], this.#queue.nowMs + this.#delay())
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
    if (!this.isUp(a) || !this.isUp(b) || this.#isBlocked(a, b) || this.#isBlocked(b, a)) return
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

  #isBlocked(from: number, to: number): boolean {
    return this.#blocks[from * this.#stations.length + to] !== 0
  }

  #addBlocks(from: number, to: number, count: number): number {
    const place = from * this.#stations.length + to
    const blocks = (this.#blocks[place] as number) + count
    this.#blocks[place] = blocks
    return blocks
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

/** What the network keeps of a node. */
class Station {
  isUp = false
  /** Counts the starts of its process. */
  life = 0
  /** After a crash: until when what it had sent still arrives. */
  lastWordsUntilMs = Number.NEGATIVE_INFINITY
  readonly subscriptions = new Set<number>()
  readonly #known: readonly Set<number>[]

  constructor(count: number) {
    this.#known = Array.from({ length: count }, () => new Set<number>())
  }

  /** The shards that this node knows the peer to be subscribed to. */
  known(peer: number): Set<number> {
    return this.#known[peer] as Set<number>
  }
}

interface Message {
  readonly lane: Lane
  readonly bytes: Uint8Array
}

class Connection {
  readonly a: number
  readonly b: number
  readonly #ends: readonly [End, End] = [new End(), new End()]

  constructor(a: number, b: number) {
    this.a = Math.min(a, b)
    this.b = Math.max(a, b)
  }

  end(node: number): End {
    return node === this.a ? this.#ends[0] : this.#ends[1]
  }

  peerOf(node: number): number {
    return node === this.a ? this.b : this.a
  }
}

class End {
  /** Its node believes in the connection. */
  isOpen = false
  isGivenUp = false
  /** When the last message per lane arrives here: the next one arrives no earlier. */
  readonly lastAtMs: Record<Lane, number> = { control: 0, bulk: 0 }
  /** Messages that came while the direction was blocked, in order. */
  readonly held: Message[] = []
  /** What this end sent does not arrive after this time: its process is gone. */
  lastWordsUntilMs = Number.POSITIVE_INFINITY
}

const SUBSCRIPTION_MS_MIN = 20
const SUBSCRIPTION_MS_MAX = 60
