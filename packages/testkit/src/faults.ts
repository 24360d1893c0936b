/**
 * What goes wrong in a run, as data: a list of faults that can be printed, thinned out and replayed.
 *
 * Which kinds a seed uses at all is drawn first (a swarm: Groce et al., "Swarm testing", 2012). Runs that do one thing often
 * find what runs that do a little of everything never reach. A new kind is an entry in `KINDS` and a member of `Fault`.
 */
import type { Cluster, SimulatedNode } from './cluster.ts'
import type { EventQueue } from './event-queue.ts'
import type { Random } from './random.ts'

interface FaultBase {
  readonly atMs: number
  readonly lastsMs: number
}

/** A process ends without a word and starts again after `lastsMs`. */
export interface CrashFault extends FaultBase {
  readonly kind: 'crash'
  readonly node: number
  /** Its host went too: peers notice by silence only. */
  readonly isSilent: boolean
  /** It starts again without its stored incarnation and with its wall clock reset (rule W2). */
  readonly hasAmnesia: boolean
}

/** A process hands over what it holds, says goodbye, ends a moment later, and starts again after `lastsMs`. */
export interface LeaveFault extends FaultBase {
  readonly kind: 'leave'
  readonly node: number
}

/** The nodes of one side and all others do not reach each other. */
export interface PartitionFault extends FaultBase {
  readonly kind: 'partition'
  readonly side: readonly number[]
}

export type Fault = CrashFault | LeaveFault | PartitionFault
export type FaultKind = Fault['kind']

/** Faults of every kind: how many at most, and whether the seed has any, is drawn for each kind. */
export function drawFaults(random: Random, nodeCount: number, activeMs: number): Fault[] {
  const faults: Fault[] = []
  for (const kind of Object.keys(KINDS) as FaultKind[]) {
    const { likelihood, countMax, draw } = KINDS[kind]
    if (!random.chance(likelihood)) continue
    for (let count = 1 + random.below(countMax); count > 0; count--) {
      faults.push(draw(random, nodeCount, random.between(0, activeMs)))
    }
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

/** Lets faults begin and end at their times, and everything end at once when told. */
export class FaultInjector {
  readonly #cluster: Cluster
  readonly #queue: EventQueue
  readonly #active = new Map<Fault, () => void>()

  constructor(cluster: Cluster, queue: EventQueue) {
    this.#cluster = cluster
    this.#queue = queue
  }

  get activeCount(): number {
    return this.#active.size
  }

  /** Schedule faults; their times count from `startMs`. */
  schedule(faults: readonly Fault[], startMs: number): void {
    for (const fault of faults) {
      this.#queue.at(startMs + fault.atMs, () => {
        const end = this.#begin(fault)
        if (end === undefined) return
        this.#active.set(fault, end)
        this.#queue.after(fault.lastsMs, () => this.#end(fault))
      })
    }
  }

  /** End all that is active now. */
  heal(): void {
    for (const fault of [...this.#active.keys()]) this.#end(fault)
  }

  /** @returns how to end it, or undefined when it does not apply now. */
  #begin(fault: Fault): (() => void) | undefined {
    const cluster = this.#cluster
    switch (fault.kind) {
      case 'crash':
        return crash(cluster, cluster.node(fault.node), fault)
      case 'leave':
        return leave(cluster, this.#queue, cluster.node(fault.node))
      case 'partition':
        return partition(cluster, fault.side)
    }
  }

  #end(fault: Fault): void {
    const end = this.#active.get(fault)
    if (end === undefined) return
    this.#active.delete(fault)
    end()
  }
}

function crash(cluster: Cluster, node: SimulatedNode, fault: CrashFault): (() => void) | undefined {
  if (!node.isUp || cluster.up().length <= 1) return undefined
  cluster.crash(node, fault.isSilent)
  return () => cluster.start(node, { amnesia: fault.hasAmnesia })
}

function leave(cluster: Cluster, queue: EventQueue, node: SimulatedNode): (() => void) | undefined {
  if (!node.isUp || cluster.up().length <= 1) return undefined
  const { life } = node
  const untilMs = queue.nowMs + LEAVE_MS_MAX
  const isHere = (): boolean => node.life === life && node.isUp
  const exit = (): void => {
    if (isHere()) cluster.crash(node, false)
  }
  const sayGoodbye = (): void => {
    if (!isHere()) return
    if (node.replica?.owesAnything === true && queue.nowMs < untilMs) queue.after(10, sayGoodbye)
    else {
      cluster.step(node, { type: 'goodbye' })
      queue.after(LAST_WORDS_MS, exit)
    }
  }
  node.isLeaving = true
  cluster.step(node, { type: 'leave' })
  sayGoodbye()
  return () => {
    exit()
    cluster.start(node)
  }
}

function partition(cluster: Cluster, side: readonly number[]): () => void {
  const pairs = cluster.nodes.flatMap(({ index }) =>
    side.includes(index) ? [] : side.flatMap((other) => [[index, other] as const, [other, index] as const]),
  )
  for (const [from, to] of pairs) cluster.network.block(from, to)
  return () => {
    for (const [from, to] of pairs) cluster.network.unblock(from, to)
  }
}

interface KindOfFault {
  /** How probable it is that a seed has this kind at all. */
  readonly likelihood: number
  readonly countMax: number
  draw(random: Random, nodeCount: number, atMs: number): Fault
}

const KINDS: Readonly<Record<FaultKind, KindOfFault>> = {
  crash: {
    likelihood: 0.5,
    countMax: 3,
    draw: (random, nodeCount, atMs) => ({
      kind: 'crash',
      atMs,
      // Short enough to come back before anybody noticed, long enough to be buried.
      lastsMs: random.chance(0.08) ? random.between(5_000, 9_000) : random.between(20, 1_500),
      node: random.below(nodeCount),
      isSilent: random.chance(0.3),
      hasAmnesia: random.chance(0.15),
    }),
  },
  leave: {
    likelihood: 0.2,
    countMax: 2,
    draw: (random, nodeCount, atMs) => ({
      kind: 'leave',
      atMs,
      lastsMs: random.between(600, 2_000),
      node: random.below(nodeCount),
    }),
  },
  partition: {
    likelihood: 0.5,
    countMax: 3,
    draw: (random, nodeCount, atMs) => ({
      kind: 'partition',
      atMs,
      // Shorter than the ends' patience, longer than it, and longer than it takes to be declared dead.
      lastsMs: random.chance(0.08) ? random.between(7_000, 11_000) : random.between(20, 4_000),
      side: drawSide(random, nodeCount),
    }),
  },
}

function drawSide(random: Random, nodeCount: number): number[] {
  const nodes = Array.from({ length: nodeCount }, (_, index) => index)
  if (random.chance(0.5)) return [random.below(nodeCount)]
  return random.some(nodes, 0.5)
}

/** How long a process waits for others to have what it wrote and held before it goes all the same. */
const LEAVE_MS_MAX = 10_000
/** From the goodbye to the end of the process. */
const LAST_WORDS_MS = 20
