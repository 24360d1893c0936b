/**
 * A short benchmark of a small cluster: three nodes in this process, over real connections on loopback, and clients that each
 * do one operation after the other.
 *
 * A closed loop: a client waits for its answer before it asks again, so a slow moment holds back the requests that would have
 * met it, and the latencies look better than those of clients that come when they like. The rate is what it finds out.
 */
import { randomBytes } from 'node:crypto'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { createNode, type Node } from '@reprise/node'
import { SECRET_BYTES } from '../cluster/constants.ts'
import { CREATES_AT_ONCE, SESSIONS, VALUE_BYTES, WARM_UP_MS } from './constants.ts'
import type { Profile } from './profiles.ts'

export interface BenchOptions {
  readonly profile: Profile
  readonly nodes: number
  readonly clients: number
  readonly durationMs: number
  readonly signal: AbortSignal
}

export interface BenchResult {
  readonly operations: number
  readonly failed: number
  /** How long it was measured. */
  readonly tookMs: number
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number }
}

/** @throws the signal's reason. */
export async function runBench({
  profile,
  nodes: count,
  clients,
  durationMs,
  signal,
}: BenchOptions): Promise<BenchResult> {
  const nodes: Node[] = []
  try {
    await startNodes(nodes, count)
    await Promise.all(nodes.map((node) => node.whenReady({ members: count, signal })))
    await makeSessions(nodes, signal)
    await loop({ profile, nodes, clients, durationMs: WARM_UP_MS, signal })
    const result = await loop({ profile, nodes, clients, durationMs, signal })
    signal.throwIfAborted()
    return result
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
}

async function startNodes(nodes: Node[], count: number): Promise<void> {
  const secret = randomBytes(SECRET_BYTES)
  while (nodes.length < count) {
    const name = `node-${nodes.length + 1}`
    const join = nodes[0]?.addresses ?? []
    // Stopping hands over nothing: they all end here.
    nodes.push(await createNode({ name, cluster: 'reprise-bench', secret, join, drainMs: 0, readyMs: 0 }))
  }
}

async function makeSessions(nodes: readonly Node[], signal: AbortSignal): Promise<void> {
  for (let from = 0; from < SESSIONS; from += CREATES_AT_ONCE) {
    signal.throwIfAborted()
    const indexes = Array.from({ length: Math.min(CREATES_AT_ONCE, SESSIONS - from) }, (_, offset) => from + offset)
    await Promise.all(
      indexes.map(async (index) => {
        const session = await nodeFor(nodes, index).create(idOf(index), { assumeNew: true })
        session.set('basket', randomBytes(VALUE_BYTES))
        await session.commit({ copies: 1 })
      }),
    )
  }
}

async function loop({
  profile,
  nodes,
  clients,
  durationMs,
  signal,
}: Omit<BenchOptions, 'nodes'> & { readonly nodes: readonly Node[] }): Promise<BenchResult> {
  const latencies = createHistogram({ figures: 3 })
  const sinceMs = performance.now()
  let operations = 0
  let failed = 0
  const client = async (index: number): Promise<void> => {
    for (let turn = index; performance.now() - sinceMs < durationMs && !signal.aborted; turn += clients) {
      // A step that is prime to the number of sessions: each is met, by each client in another order.
      const session = (turn * 7_919) % SESSIONS
      const startedMs = performance.now()
      try {
        // One node on from the one that wrote it last in the beginning; `cart` moves it there.
        await operate(profile, nodeFor(nodes, turn + 1), idOf(session))
        operations += 1
        latencies.record(Math.max(1, Math.round((performance.now() - startedMs) * NS_PER_MS)))
      } catch {
        failed += 1
      }
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
  return { operations, failed, tookMs: performance.now() - sinceMs, latencyMs: figures(latencies) }
}

async function operate(profile: Profile, node: Node, id: string): Promise<void> {
  const session = await node.resume(id)
  if (session.outcome !== 'complete') throw new Error(`the session is ${session.outcome}`)
  if (profile === 'touch') session.touch()
  if (profile !== 'cart') return
  session.set('basket', randomBytes(VALUE_BYTES))
  await session.commit({ copies: 1 })
}

function figures(latencies: RecordableHistogram): BenchResult['latencyMs'] {
  if (latencies.count === 0) return { p50: 0, p90: 0, p99: 0, max: 0 }
  const ms = (ns: number): number => Math.round(ns / 1_000) / 1_000
  return {
    p50: ms(latencies.percentile(50)),
    p90: ms(latencies.percentile(90)),
    p99: ms(latencies.percentile(99)),
    max: ms(latencies.max),
  }
}

function nodeFor(nodes: readonly Node[], index: number): Node {
  const node = nodes[index % nodes.length]
  if (node === undefined) throw new Error('there are no nodes')
  return node
}

function idOf(index: number): string {
  return `bench-${index}`
}

const NS_PER_MS = 1_000_000
