/**
 * What goes wrong in a run, as data: a list of faults that can be printed, thinned out and replayed. Which there are in a
 * seed is drawn in `fault-kinds.ts`; here they happen.
 */
import type { Cluster, SimulatedNode } from './cluster.ts'
import type { EventQueue } from './event-queue.ts'
import type { NetworkConditions } from './network.ts'

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

/** What the one side sends does not reach the other; the way back is open. */
export interface CutFault extends FaultBase {
  readonly kind: 'cut'
  readonly from: readonly number[]
  readonly to: readonly number[]
}

/** A process is stopped; its peers lose patience with it. It wakes with everything late. */
export interface PauseFault extends FaultBase {
  readonly kind: 'pause'
  readonly node: number
}

/** A process is busy with something else: nothing runs, and nobody hangs up. */
export interface StallFault extends FaultBase {
  readonly kind: 'stall'
  readonly node: number
}

/** Somebody sets a node's wall clock. What stays set has no duration. */
export interface ClockFault extends FaultBase {
  readonly kind: 'clock'
  readonly node: number
  readonly jumpMs: number
}

/** A node that was never there joins; after `lastsMs` it stays, or its move is aborted. */
export interface JoinFault extends FaultBase {
  readonly kind: 'join'
  readonly node: number
  readonly end: 'stays' | 'crash' | 'leave'
}

/** What is sent to a node queues, and arrives only every `gapMs` from each sender. */
export interface SlowFault extends FaultBase {
  readonly kind: 'slow'
  readonly from: readonly number[]
  readonly to: number
  readonly gapMs: number
}

/** Whatever is sent to a node is refused: its buffers are full. */
export interface FullFault extends FaultBase {
  readonly kind: 'full'
  readonly from: readonly number[]
  readonly to: number
}

/** The network is worse than usual, between all. */
export interface StormFault extends FaultBase {
  readonly kind: 'storm'
  readonly conditions: Partial<NetworkConditions>
}

export type Fault =
  | CrashFault
  | LeaveFault
  | PartitionFault
  | CutFault
  | PauseFault
  | StallFault
  | ClockFault
  | JoinFault
  | SlowFault
  | FullFault
  | StormFault
export type FaultKind = Fault['kind']

/** Lets faults begin and end at their times, and everything end at once when told. */
export class FaultInjector {
  readonly #cluster: Cluster
  readonly #queue: EventQueue
  readonly #active = new Map<Fault, () => void>()
  #scheduled = 0

  constructor(cluster: Cluster, queue: EventQueue) {
    this.#cluster = cluster
    this.#queue = queue
  }

  get activeCount(): number {
    return this.#active.size
  }

  /** Schedule faults; their times count from `startMs`. */
  schedule(faults: readonly Fault[], startMs: number): void {
    const round = this.#scheduled
    for (const fault of faults) {
      this.#queue.at(startMs + fault.atMs, () => {
        // Everything was healed meanwhile: what had not begun does not happen.
        if (round !== this.#scheduled) return
        const end = this.#begin(fault)
        if (end === undefined) return
        this.#active.set(fault, end)
        this.#queue.after(fault.lastsMs, () => this.#end(fault))
      })
    }
  }

  /** End all that is active now, and let nothing begin that was to come. */
  heal(): void {
    this.#scheduled++
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
      case 'partition': {
        const others = cluster.nodes.flatMap(({ index }) => (fault.side.includes(index) ? [] : [index]))
        return block(
          cluster,
          [...pairs(others, fault.side)].flatMap(([a, b]) => [[a, b] as const, [b, a] as const]),
        )
      }
      case 'cut':
        return block(cluster, [...pairs(fault.from, fault.to)])
      case 'pause':
        return pause(cluster, cluster.node(fault.node), true)
      case 'stall':
        return pause(cluster, cluster.node(fault.node), false)
      case 'clock':
        cluster.node(fault.node).clock.jump(fault.jumpMs)
        return undefined
      case 'join':
        return join(cluster, this.#queue, cluster.node(fault.node), fault.end)
      case 'slow':
        for (const [from, to] of pairs(fault.from, [fault.to])) cluster.network.slow(from, to, fault.gapMs)
        return () => {
          for (const [from, to] of pairs(fault.from, [fault.to])) cluster.network.slow(from, to, 0)
        }
      case 'full':
        for (const [from, to] of pairs(fault.from, [fault.to])) cluster.network.refuse(from, to)
        return () => {
          for (const [from, to] of pairs(fault.from, [fault.to])) cluster.network.accept(from, to)
        }
      case 'storm':
        return cluster.network.storm(fault.conditions)
    }
  }

  #end(fault: Fault): void {
    const end = this.#active.get(fault)
    if (end === undefined) return
    this.#active.delete(fault)
    end()
  }
}

function* pairs(from: readonly number[], to: readonly number[]): Generator<readonly [number, number]> {
  for (const a of from) for (const b of to) if (a !== b) yield [a, b]
}

function crash(cluster: Cluster, node: SimulatedNode, fault: CrashFault): (() => void) | undefined {
  if (!node.isUp || cluster.up().length <= 1) return undefined
  cluster.crash(node, fault.isSilent)
  return () => cluster.start(node, { amnesia: fault.hasAmnesia })
}

function leave(cluster: Cluster, queue: EventQueue, node: SimulatedNode): (() => void) | undefined {
  if (!node.isRunning || cluster.up().length <= 1) return undefined
  const exit = depart(cluster, queue, node)
  return () => {
    exit()
    cluster.start(node)
  }
}

/** Let a node say goodbye and go. @returns how to end its process at once, if it still runs. */
function depart(cluster: Cluster, queue: EventQueue, node: SimulatedNode): () => void {
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
      node.hasSaidGoodbye = true
      queue.after(LAST_WORDS_MS, exit)
    }
  }
  node.isLeaving = true
  cluster.step(node, { type: 'leave' })
  sayGoodbye()
  return exit
}

function pause(cluster: Cluster, node: SimulatedNode, isLong: boolean): (() => void) | undefined {
  if (!node.isRunning || cluster.up().filter((other) => other.isRunning).length <= 1) return undefined
  const { life } = node
  cluster.pause(node, isLong)
  return () => {
    if (node.life === life) cluster.wake(node)
  }
}

function join(
  cluster: Cluster,
  queue: EventQueue,
  node: SimulatedNode,
  end: JoinFault['end'],
): (() => void) | undefined {
  if (node.isUp) return undefined
  cluster.start(node)
  const { life } = node
  return () => {
    if (node.life !== life || !node.isRunning || cluster.up().length <= 1) return
    if (end === 'crash') cluster.crash(node, false)
    else if (end === 'leave') depart(cluster, queue, node)
  }
}

function block(cluster: Cluster, directions: readonly (readonly [number, number])[]): () => void {
  for (const [from, to] of directions) cluster.network.block(from, to)
  return () => {
    for (const [from, to] of directions) cluster.network.unblock(from, to)
  }
}

/** How long a process waits for others to have what it wrote and held before it goes all the same. */
const LEAVE_MS_MAX = 10_000
/** From the goodbye to the end of the process. */
const LAST_WORDS_MS = 20
