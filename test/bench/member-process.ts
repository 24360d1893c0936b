/** A member with a bare libp2p node beside it, for the benches of writing and resuming. */
import { setImmediate as turn } from 'node:timers/promises'
import { bucketOf, loadKeyHash, type Session, shardOfBucket, toSessionKey } from '@reprise/core'
import { createNode, type Node, type NodeOptions } from '@reprise/node'
import { serve } from './child.ts'
import { Echo } from './echo.ts'
import { timed } from './harness.ts'

export type MemberCommands = typeof commands

/** Milliseconds of each round trip, taken turn and turn about. */
export interface Interleaved {
  readonly ms: readonly number[]
  readonly bareMs: readonly number[]
}

let node: Node
let echo: Echo
const sessions: Session[] = []

const commands = {
  start: async (options: NodeOptions): Promise<{ nodeId: string; addresses: readonly string[] }> => {
    node = await createNode(options)
    echo = await Echo.start()
    return { nodeId: node.nodeId, addresses: node.addresses }
  },
  whenReady: (members: number): Promise<void> => node.whenReady({ members }),
  echoAddress: (): string => echo.address,
  openEcho: (address: string): Promise<void> => echo.open(address),

  /** Those of the ids whose shard this node does not hold. */
  notHeld: async (ids: readonly string[]): Promise<readonly string[]> => {
    const keyHash = await loadKeyHash()
    const { shards } = node.status()
    return ids.filter((id) => shards[shardOfBucket(bucketOf(keyHash(toSessionKey(id))))]?.state === 'none')
  },

  /** Make sessions with one value of `bytes` bytes, and keep them to write them again. */
  create: async (ids: readonly string[], bytes: number): Promise<void> => {
    for (const [i, id] of ids.entries()) {
      await createOne(id, bytes)
      if (i % 64 === 63) await turn()
    }
  },

  /**
   * Queue writes of every session, rounds `from` to `to`, each round another value. Nothing is waited for but room in the
   * window of writes; now and then the event loop gets its turn, as it does between the requests of a server.
   */
  write: async (from: number, to: number, bytes: number): Promise<void> => {
    for (let round = from; round <= to; round++) await writeRound(round, bytes)
  },

  /** The same, whole rounds from 1 on, until the time is over. @returns the last round. */
  writeFor: async (ms: number, bytes: number): Promise<number> => {
    const endMs = performance.now() + ms
    let round = 0
    while (performance.now() < endMs) await writeRound(++round, bytes)
    return round
  },

  /** Make `count` sessions, by their number. */
  createMany: async (count: number, bytes: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await createOne(sessionId(i), bytes)
      if (i % 64 === 63) await turn()
    }
  },

  /** How many of `count` sessions are here with the value of that round. */
  countManyAt: async (count: number, round: number): Promise<number> => {
    let here = 0
    for (let i = 0; i < count; i++) {
      if (isAt(sessionId(i), round)) here++
      if (i % 4_096 === 4_095) await turn()
    }
    return here
  },

  /** Frames published so far. */
  frames: (): number => node.status().network.counters.framesOut,

  /** How many of the sessions are here with the value of that round. */
  countAt: (ids: readonly string[], round: number): number => ids.filter((id) => isAt(id, round)).length,

  /** Confirmed writes and bare round trips, one after the other. */
  commitLatency: async (rounds: number, bytes: number): Promise<Interleaved> => {
    const payload = value(bytes, 0)
    return interleave(
      rounds,
      () => echo.roundTrip(payload),
      (i) => {
        const session = sessions[i % sessions.length] as Session
        session.set('data', value(bytes, i))
        return session.commit({ copies: 2 })
      },
    )
  },

  /** Confirmed writes only, for their CPU. */
  commitAll: async (count: number, bytes: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const session = sessions[i % sessions.length] as Session
      session.set('data', value(bytes, i))
      await session.commit({ copies: 2 })
    }
  },

  /** Resume each of the ids, with a bare round trip before it. */
  resumeLatency: (ids: readonly string[], consistency: 'any' | 'latest', bytes: number): Promise<Interleaved> => {
    const payload = value(bytes, 0)
    return interleave(
      ids.length,
      () => echo.roundTrip(payload),
      (i) => resume(ids[i] as string, consistency),
    )
  },

  /** Resume the ids, `atOnce` at a time. */
  resumeAll: async (ids: readonly string[], consistency: 'any' | 'latest', atOnce: number): Promise<void> => {
    const rest = ids.values()
    const worker = async (): Promise<void> => {
      for (const id of rest) await resume(id, consistency)
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  },

  /** Bare round trips only, for their CPU. */
  echoAll: async (count: number, bytes: number): Promise<void> => {
    const payload = value(bytes, 0)
    for (let i = 0; i < count; i++) await echo.roundTrip(payload)
  },
}

async function createOne(id: string, bytes: number): Promise<void> {
  const session = await node.create(id, { assumeNew: true })
  session.set('data', value(bytes, 0))
  await session.commit()
  sessions.push(session)
}

async function writeRound(round: number, bytes: number): Promise<void> {
  for (const [i, session] of sessions.entries()) {
    session.set('data', value(bytes, round))
    await session.commit({ deadlineMs: 60_000 })
    if (i % 64 === 63) await turn()
  }
}

function isAt(id: string, round: number): boolean {
  const bytes = node.local(id)?.get('data')
  return bytes instanceof Uint8Array && bytes[0] === (round & 0xff)
}

function sessionId(i: number): string {
  return `session-${i}`
}

async function resume(id: string, consistency: 'any' | 'latest'): Promise<void> {
  const resumed = await node.resume(id, { consistency })
  if (resumed.outcome !== 'complete' || resumed.origin.kind !== 'peers') {
    throw new Error(`${id} is ${resumed.outcome}, from ${resumed.origin.kind}`)
  }
  resumed.get('data')
}

async function interleave(
  rounds: number,
  bare: () => Promise<unknown>,
  measured: (i: number) => Promise<unknown>,
): Promise<Interleaved> {
  const ms: number[] = []
  const bareMs: number[] = []
  for (let i = 0; i < rounds; i++) {
    bareMs.push(await timed(bare))
    ms.push(await timed(() => measured(i)))
  }
  return { ms, bareMs }
}

function value(bytes: number, round: number): Uint8Array {
  return new Uint8Array(bytes).fill(round & 0xff)
}

serve(commands, async () => {
  await Promise.all([node?.stop(), echo?.stop()])
})
