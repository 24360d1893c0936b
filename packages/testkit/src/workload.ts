/**
 * The clients of a simulated cluster: they visit nodes as a load balancer sends them, and read and write sessions there.
 *
 * A client behaves as an application does with the public API: it resumes before it writes, keeps what it resumed for a
 * slow request that writes late, creates when there is nothing, remembers the proof of its last write, sometimes gives up.
 */
import type { Birth, SessionKey, WriteProof } from '@reprise/core'
import type { Cluster, SimulatedNode } from './cluster.ts'
import type { EventQueue } from './event-queue.ts'
import { Random } from './random.ts'
import type { Changes, Requests } from './requests.ts'

/** What the clients of a seed are like, as data. */
export interface WorkloadOptions {
  readonly clients: number
  /** Pause between the visits of a client, in milliseconds on average. */
  readonly thinkMs: number
  /** How probable it is that the next visit is to another node. */
  readonly moveRate: number
  /** Relative frequencies of what a client does. */
  readonly mix: Readonly<Record<Activity, number>>
  /** Relative frequencies of the copies a write waits for. */
  readonly copies: Readonly<Record<'0' | '1' | '2', number>>
  readonly idleMs: number
  readonly absoluteMs: number
  /** Clients that each fill a cart of their own, one visit after the other. */
  readonly shoppers: number
  /** Each visit draws from a stream of its own, so that one that is taken away leaves the others as they are. */
  readonly hasOwnDraws: boolean
  /** Some values are so large that they lie outside the head; default none. */
  readonly large?: LargeValueOptions | undefined
  /** Some commits change how long a session lives without use; default none. */
  readonly idleTimes?: IdleTimeOptions | undefined
  /** Only these visits take place, by number; default all. */
  readonly visits?: readonly number[] | undefined
}

export interface LargeValueOptions {
  /** The share of values that are. */
  readonly rate: number
  readonly bytesMax: number
}

export interface IdleTimeOptions {
  /** The share of commits that do. */
  readonly rate: number
  readonly choicesMs: readonly number[]
}

export type Activity = 'visit' | 'read' | 'late-write' | 'touch' | 'drop' | 'recreate'

export interface WorkloadComponents {
  readonly cluster: Cluster
  readonly queue: EventQueue
  readonly requests: Requests
  readonly seed: number
  readonly keys: readonly SessionKey[]
}

/** Which visits take place, and what each draws from. */
export class Visits {
  /** Those that took place, by number. */
  readonly made: number[] = []
  readonly #seed: number
  readonly #only: ReadonlySet<number> | undefined

  constructor(seed: number, only: readonly number[] | undefined) {
    this.#seed = seed
    this.#only = only === undefined ? undefined : new Set(only)
  }

  /** The stream of a visit, and whether it takes place; one that does not still takes its time. */
  begin(client: number, visit: number): { random: Random; isMade: boolean } {
    const number = client * VISITS_PER_CLIENT_MAX + visit
    const isMade = this.#only?.has(number) !== false
    if (isMade) this.made.push(number)
    return { random: new Random(this.#seed, VISIT_STREAMS + number), isMade }
  }
}

export class Workload {
  readonly #options: WorkloadOptions
  readonly #cluster: Cluster
  readonly #queue: EventQueue
  readonly #requests: Requests
  readonly #keys: readonly SessionKey[]
  readonly #visits: Visits
  readonly #random: Random
  #nextContent = 1
  #isRunning = false
  /** Clients take so many times as long between visits. */
  slowness = 1

  constructor(options: WorkloadOptions, visits: Visits, { cluster, queue, requests, seed, keys }: WorkloadComponents) {
    this.#options = options
    this.#visits = visits
    this.#cluster = cluster
    this.#queue = queue
    this.#requests = requests
    this.#keys = keys
    this.#random = new Random(seed, 4)
  }

  start(): void {
    this.#isRunning = true
    for (let i = 0; i < this.#options.clients; i++) this.#think(new Client(i))
  }

  /** No new visits; what is under way goes on. */
  stop(): void {
    this.#isRunning = false
  }

  #think(client: Client): void {
    const visit = client.visits++
    const { random, isMade } = this.#options.hasOwnDraws
      ? this.#visits.begin(client.number, visit)
      : { random: this.#random, isMade: true }
    const delayMs = -Math.log(1 - random.fraction()) * this.#options.thinkMs * this.slowness
    this.#queue.after(delayMs, () => {
      if (!this.#isRunning) return
      if (isMade) this.#visit(client, random)
      this.#think(client)
    })
  }

  #visit(client: Client, random: Random): void {
    const node = this.#chooseNode(client, random)
    if (node === undefined) return
    const key = this.#keys[random.rank(this.#keys.length)] as SessionKey
    const activity = random.weighted(this.#options.mix)
    const handle = client.handles.get(key)
    switch (activity) {
      case 'visit':
        return this.#resume(client, node, key, true, random)
      case 'read':
        return this.#resume(client, node, key, false, random)
      case 'recreate':
        return this.#create(client, node, key, random)
      case 'late-write':
        if (handle !== undefined) this.#commit(client, handle.node, key, handle.birth, random)
        return
      case 'touch':
        if (handle?.node.isRunning) this.#requests.touch(handle.node, key, handle.birth)
        return
      case 'drop':
        if (handle !== undefined) this.#drop(handle.node, key, handle.birth, random)
        return
    }
  }

  #chooseNode(client: Client, random: Random): SimulatedNode | undefined {
    if (client.node?.isRunning !== true || random.chance(this.#options.moveRate)) {
      const running = this.#cluster.nodes.filter((node) => node.isRunning)
      client.node = running.length === 0 ? undefined : random.pick(running)
    }
    return client.node
  }

  #resume(client: Client, node: SimulatedNode, key: SessionKey, thenWrite: boolean, random: Random): void {
    const isLatest = thenWrite || random.chance(0.5)
    const read = {
      key,
      consistency: isLatest ? 'latest' : 'any',
      portions: random.chance(0.25) ? random.some(PORTION_NAMES, 0.5) : undefined,
      proof: random.chance(0.5) ? client.proofs.get(key) : undefined,
    } as const
    const deadlineMs = Math.round(random.between(100, 1_000))
    this.#requests.resume(node, read, deadlineMs, random, (outcome) => {
      if (outcome?.outcome === 'complete' || outcome?.outcome === 'partial') {
        const { birth } = outcome.record
        client.handles.set(key, { node, birth })
        if (thenWrite) this.#soon(random, () => this.#commit(client, node, key, birth, random))
      } else if (outcome?.outcome === 'absent' && thenWrite) {
        this.#soon(random, () => this.#create(client, node, key, random))
      }
    })
  }

  #create(client: Client, node: SimulatedNode, key: SessionKey, random: Random): void {
    const deadlineMs = Math.round(random.between(100, 1_000))
    this.#requests.create(node, key, this.#options, deadlineMs, random, (birth) => {
      if (birth === undefined) return
      client.handles.set(key, { node, birth })
      this.#soon(random, () => this.#commit(client, node, key, birth, random))
    })
  }

  #commit(client: Client, node: SimulatedNode, key: SessionKey, birth: Birth, random: Random): void {
    if (!this.#requests.mayWrite(node, key, birth)) return
    const changes = this.#drawChanges(key, random)
    const copies = this.#drawCopies(random)
    const waitMs = Math.round(random.between(200, 2_000))
    const options = { copies, waitMs, idleMs: this.#drawIdleMs(random) }
    this.#requests.commit(node, key, birth, changes, options, random, (proof) => {
      if (proof !== undefined) client.proofs.set(key, proof)
    })
  }

  #drop(node: SimulatedNode, key: SessionKey, birth: Birth, random: Random): void {
    if (!this.#requests.mayWrite(node, key, birth)) return
    const copies = this.#drawCopies(random)
    const waitMs = Math.round(random.between(200, 2_000))
    this.#requests.drop(node, key, birth, copies, waitMs, random)
  }

  #soon(random: Random, run: () => void): void {
    this.#queue.after(random.between(0, 5), run)
  }

  #drawChanges(key: SessionKey, random: Random): Changes {
    const names = random.some(PORTION_NAMES, 0.4)
    if (names.length === 0) names.push(random.pick(PORTION_NAMES))
    const content = this.#nextContent++
    return new Map(
      names.map((name) => [name, random.chance(0.1) ? null : this.#drawText(`${key}/${name}/${content}`, random)]),
    )
  }

  /** Large ones say all along which they are, so that a mix of two is seen. */
  #drawText(label: string, random: Random): string {
    const { large } = this.#options
    if (large === undefined || !random.chance(large.rate)) return label
    const bytes = LARGE_BYTES_MIN + random.below(large.bytesMax - LARGE_BYTES_MIN)
    return `${label};`.repeat(Math.ceil(bytes / label.length)).slice(0, bytes)
  }

  #drawIdleMs(random: Random): number | undefined {
    const { idleTimes } = this.#options
    return idleTimes !== undefined && random.chance(idleTimes.rate) ? random.pick(idleTimes.choicesMs) : undefined
  }

  #drawCopies(random: Random): number {
    return Math.min(Number(random.weighted(this.#options.copies)), this.#cluster.options.copies)
  }
}

class Client {
  readonly number: number
  visits = 0
  node: SimulatedNode | undefined
  /** The proof of its last write, by key: what a cookie would carry. */
  readonly proofs: Map<SessionKey, WriteProof> = new Map()
  /** Sessions it still has open, and where. */
  readonly handles: Map<SessionKey, { readonly node: SimulatedNode; readonly birth: Birth }> = new Map()

  constructor(number: number) {
    this.number = number
  }
}

const PORTION_NAMES = ['auth', 'basket', 'tls', 'transport'] as const
/** Some stay inside the head, and become large, or small again, later. */
const LARGE_BYTES_MIN = 600
const VISITS_PER_CLIENT_MAX = 100_000
/** Streams of visits are numbered above all others. */
const VISIT_STREAMS = 1_000
