/** A member of the soak: a node, and a TLS server that says where a session came from. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { getHeapSpaceStatistics, type HeapSpaceInfo } from 'node:v8'
import { createNode, type Node, type NodeOptions } from '@reprise/node'
import { type ClusterResumption, type ResumptionStats, resumeAcrossCluster } from '@reprise/tls'
import { P256 } from '../../packages/tls/test/support/certificates.ts'
import { serve } from '../bench/child.ts'
import { TLS_LIFETIME_MS, TLS_RENEWAL_MS, WANDERER_ABSOLUTE_MS, WANDERER_IDLE_MS } from './constants.ts'

export type MemberCommands = typeof commands

/** What a process holds that must come back to what it was: by name, how many. */
export type Counts = Readonly<Record<string, number>>

export interface Memory {
  /** Objects in the heap. */
  readonly objectBytes: number
  /** Compiled code in it: it grows for a long time, by what is worth compiling, and is nobody's leak. */
  readonly codeBytes: number
  /** Outside the heap: the arena of the sessions, buffers. */
  readonly externalBytes: number
  readonly residentBytes: number
}

let node: Node
let server: Server
let resumption: ClusterResumption

const commands = {
  /** Start, and serve. @returns where. */
  start: async (
    options: NodeOptions,
    lookupDeadlineMs: number,
  ): Promise<{ addresses: readonly string[]; port: number }> => {
    node = await createNode(options)
    server = createServer(P256)
    const lifetimes = { lifetimeMs: TLS_LIFETIME_MS, renewalMs: TLS_RENEWAL_MS }
    resumption = await resumeAcrossCluster(server, node, { context: 'soak', lookupDeadlineMs, ...lifetimes })
    server.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => {})
      // Without a reader the end of the client is never seen.
      socket.resume()
      socket.end(resumption.origin(socket)?.kind ?? 'new')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { addresses: node.addresses, port: (server.address() as AddressInfo).port }
  },

  whenReady: (members: number): Promise<void> => node.whenReady({ members }),

  resumption: (): ResumptionStats => resumption.stats(),

  /** Make a session that another holder has, too, when this resolves. */
  create: async (id: string): Promise<void> => {
    const lifetime = { idleMs: WANDERER_IDLE_MS, absoluteMs: WANDERER_ABSOLUTE_MS }
    const session = await node.create(id, { assumeNew: true, ...lifetime })
    session.set('cart', { items: [id] })
    await session.commit({ copies: 1 })
  },

  /** What of it is found here. A session that is found is put to use, and dropped if wanted. */
  move: async (id: string, drops: boolean): Promise<string> => {
    const resumed = await node.resume(id)
    if (resumed.outcome !== 'complete') return resumed.outcome
    if (drops) await resumed.drop()
    else await resumed.commit()
    return 'complete'
  },

  /** Memory, after the garbage is collected. */
  memory: (): Memory => {
    collectGarbage()
    const { external, rss } = process.memoryUsage()
    const [code, objects] = partition(getHeapSpaceStatistics(), ({ space_name }) => CODE_SPACE.test(space_name))
    return {
      objectBytes: usedBytes(objects),
      codeBytes: usedBytes(code),
      externalBytes: external,
      residentBytes: rss,
    }
  },

  counts: (): Counts => {
    const { network, table, pulls, syncs, streams } = node.status()
    const resources = Object.groupBy(process.getActiveResourcesInfo(), (kind) => kind)
    return {
      ...Object.fromEntries(Object.entries(resources).map(([kind, all = []]) => [kind, all.length])),
      connections: network.connections,
      streams: network.peers.reduce((sum, { link }) => sum + (link?.streams ?? 0), 0),
      listeners: listenersOf(node) + listenersOf(server) + listenersOf(process),
      records: table.records,
      stubs: table.stubs,
      'pulls under way': pulls.underWay,
      'syncs under way': syncs.underWay,
      'frames waiting': streams.waiting,
    }
  },
}

/** V8 keeps machine code apart, and byte code and what belongs to both in spaces that it calls trusted. */
const CODE_SPACE = /code|trusted/

function usedBytes(spaces: readonly HeapSpaceInfo[]): number {
  return spaces.reduce((sum, { space_used_size }) => sum + space_used_size, 0)
}

function partition<T>(
  items: readonly T[],
  belongs: (item: T) => boolean,
): readonly [yes: readonly T[], no: readonly T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))]
}

function listenersOf(emitter: Node | Server | NodeJS.Process): number {
  const names: readonly (string | symbol)[] = emitter.eventNames()
  return names.reduce((sum, name) => sum + (emitter as NodeJS.EventEmitter).listenerCount(name), 0)
}

function collectGarbage(): void {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('this process needs --expose-gc')
  // What is let go of in the first one is free after the second.
  for (let i = 0; i < 2; i++) void gc()
}

serve(commands, async () => {
  server?.close()
  await resumption?.close()
  await node?.stop({ drainMs: 0 })
})
