/**
 * What the simulator's clients did and were told, as any clients' history. What they cannot tell is left out: their sessions are found again by
 * other clients, and a cart is one portion, which the later of two writers keeps; the simulator's own checkers know what to make of that.
 */
import { cartOf, itemsOf, type Checker as Observer, type SimulatedNode, type World } from '@reprise/testkit'
import { SAMPLE_MS } from '../../constants.ts'
import type { Operation, OperationDetail, OperationKind, Sample } from '../../run-record.ts'

type ReadResult = Parameters<NonNullable<Observer['onReadEnd']>>[0]
type Write = Parameters<NonNullable<Observer['onIssued']>>[0]

export class SimHistory implements Observer {
  readonly samples: Sample[] = []
  readonly #world: World
  readonly #operations: Operation[] = []
  /** Writes that were issued, and when they were confirmed. */
  readonly #writes = new Map<Write, number | undefined>()
  /** A number for each life of an id. */
  readonly #sessions = new Map<unknown, number>()
  #sampledMs = Number.NEGATIVE_INFINITY

  constructor(world: World) {
    this.#world = world
  }

  onIssued(write: Write): void {
    this.#writes.set(write, undefined)
  }

  onConfirmed(write: Write): void {
    this.#writes.set(write, this.#world.nowMs)
  }

  onReadEnd({ read, outcome, endedAtMs }: ReadResult): void {
    // Any copy may be a minute old, which no client of a scenario asks for.
    if (read.consistency === 'any') return
    const found = outcome.outcome
    const isFound = found === 'complete' || found === 'partial'
    const birth = isFound ? outcome.record.birth : undefined
    const life = birth === undefined ? undefined : this.#world.ledger.life(read.key, birth)
    const cart = isFound ? cartOf(outcome.record) : undefined
    this.#add('resume', {
      // What was not found is the last life that there was.
      session: this.#sessionOf(life ?? this.#world.ledger.lives(read.key).at(-1) ?? read.key),
      node: read.node,
      startMs: read.startedAtMs,
      endMs: endedAtMs,
      outcome: found === 'unknown' || found === 'partial' ? 'failed' : 'ok',
      detail: { found, ...(cart !== undefined && { items: itemsOf(cart) }) },
    })
  }

  onCheckpoint(): void {
    const atMs = this.#world.nowMs
    if (atMs < this.#sampledMs + SAMPLE_MS) return
    this.#sampledMs = atMs
    const { nodes } = this.#world.cluster
    for (const node of nodes) this.samples.push(sampleOf(atMs, node))
  }

  /** All of it, by when it began; times count from `zeroMs`. */
  operations(zeroMs: number): Operation[] {
    for (const [write, confirmedMs] of this.#writes) this.#addWrite(write, confirmedMs)
    this.#writes.clear()
    return this.#operations
      .map((operation) => ({
        ...operation,
        startMs: operation.startMs - zeroMs,
        endMs: operation.endMs === undefined ? undefined : operation.endMs - zeroMs,
      }))
      .sort((a, b) => a.startMs - b.startMs)
  }

  #addWrite(write: Write, confirmedMs: number | undefined): void {
    const { issuedAtMs, confirmedCopies, life, node } = write
    const item = write.kind === 'commit' ? itemsOf([...write.changes.values()][0] ?? '').at(-1) : undefined
    const detail: OperationDetail = {
      ...(confirmedCopies !== undefined && { copies: confirmedCopies }),
      ...(item !== undefined && { item }),
    }
    this.#add(write.kind, {
      session: this.#sessionOf(life),
      node: this.#world.cluster.nodeById(node).index,
      startMs: issuedAtMs,
      // A write that waits for nobody ends when it is issued.
      endMs: confirmedMs ?? (confirmedCopies === undefined ? undefined : issuedAtMs),
      outcome: confirmedCopies === undefined ? 'unknown' : 'ok',
      detail,
    })
  }

  #add(kind: OperationKind, told: Omit<Operation, 'client' | 'request' | 'kind'>): void {
    this.#operations.push({ client: 0, request: this.#operations.length, kind, ...told })
  }

  #sessionOf(life: unknown): number {
    const known = this.#sessions.get(life)
    if (known !== undefined) return known
    this.#sessions.set(life, this.#sessions.size)
    return this.#sessions.size - 1
  }
}

function sampleOf(atMs: number, node: SimulatedNode): Sample {
  const base = { atMs, node: node.index }
  const { replica } = node
  if (replica === undefined) return { ...base, state: 'down', lagFrames: 0, reachable: 0, sessions: 0 }
  if (node.isPaused) return { ...base, state: 'silent', lagFrames: 0, reachable: 0, sessions: 0 }
  const { members, table } = replica.status()
  const others = members.filter(({ nodeId }) => nodeId !== node.id)
  return {
    ...base,
    state: node.isLeaving ? 'draining' : replica.isReady ? 'ready' : 'catching-up',
    lagFrames: Math.max(0, ...others.map(({ lagFrames }) => lagFrames)),
    reachable: others.filter(({ connected }) => connected).length,
    sessions: table.records - table.tombstones,
  }
}
