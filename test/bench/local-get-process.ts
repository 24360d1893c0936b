/**
 * Contenders of the bench of local reads, each in a process of its own: what one does to the compiler's assumptions and to the
 * heap, the others shall not pay for. They take turns all the same.
 */
import { Buffer } from 'node:buffer'
import { loadKeyHash, toSessionKey } from '@reprise/core'
import { createNode, type Node } from '@reprise/node'
import { LRUCache } from 'lru-cache'
import { createClient } from 'redis'
import { serve } from './child.ts'

export type LocalGetCommands = typeof commands

/** What a process is made into, and what can be measured of it. */
export type Kind = 'lru-cache' | 'redis' | 'node' | 'key'
export type ContenderName = 'lru-cache' | 'redis' | 'local' | 'value' | 'key' | 'hash'

/** Reads each of the ids once and adds up what it read, so that no read can be left out. */
type Contender = (ids: readonly string[]) => number | Promise<number>

let ids: readonly string[] = []
let contenders: Partial<Record<ContenderName, Contender>> = {}
let stop = async (): Promise<void> => {}

const commands = {
  /** Become one of the kinds, with `count` sessions of `bytes` bytes. */
  start: async (kind: Kind, count: number, bytes: number, socketPath?: string): Promise<void> => {
    ids = Array.from({ length: count }, (_, i) => idOf(i))
    contenders = await MAKERS[kind](new Uint8Array(bytes).fill(7), socketPath ?? '')
    ids = shuffled(ids)
  },

  /** Nanoseconds a read, of `slices` runs of `reads` reads, walking over the first `keys` of the ids in random order. */
  measure: async (name: ContenderName, keys: number, slices: number, reads: number): Promise<readonly number[]> => {
    const contender = contenders[name] as Contender
    const ns: number[] = []
    for (let slice = 0; slice < slices; slice++) {
      const from = (slice * reads) % keys
      const chosen = Array.from({ length: reads }, (_, i) => ids[(from + i) % keys] as string)
      const started = process.hrtime.bigint()
      const pending = contender(chosen)
      const total = typeof pending === 'number' ? pending : await pending
      ns.push(Number(process.hrtime.bigint() - started) / reads)
      if (total === 0) throw new Error('nothing was read')
    }
    return ns
  },
}

const MAKERS: Readonly<Record<Kind, (value: Uint8Array, socketPath: string) => Promise<typeof contenders>>> = {
  'lru-cache': async (value) => {
    const cache = new LRUCache<string, Uint8Array>({ max: 1_000_000 })
    for (const id of ids) cache.set(id, Uint8Array.from(value))
    return {
      'lru-cache': (chosen) => {
        let total = 0
        for (const id of chosen) total += cache.get(id)?.length ?? 0
        return total
      },
    }
  },
  redis: async (value, path) => {
    const client = createClient({ socket: { path, tls: false } })
    await client.connect()
    stop = () => client.close()
    for (let i = 0; i < ids.length; i += 512) {
      await Promise.all(ids.slice(i, i + 512).map((id) => client.set(id, Buffer.from(value))))
    }
    return {
      redis: async (chosen) => {
        let total = 0
        for (const id of chosen) total += (await client.get(id))?.length ?? 0
        return total
      },
    }
  },
  node: async (value) => {
    const node = await nodeWith(value)
    return {
      local: (chosen) => {
        let total = 0
        for (const id of chosen) if (node.local(id) !== undefined) total++
        return total
      },
      value: (chosen) => {
        let total = 0
        for (const id of chosen) total += (node.local(id)?.get('data') as Uint8Array | undefined)?.length ?? 0
        return total
      },
    }
  },
  key: async () => {
    const hash = await loadKeyHash()
    return {
      key: (chosen) => {
        let total = 0
        for (const id of chosen) total += toSessionKey(id).length
        return total
      },
      hash: (chosen) => {
        let total = 0
        for (const id of chosen) total += hash(toSessionKey(id)).lo & 1
        return total
      },
    }
  },
}

async function nodeWith(value: Uint8Array): Promise<Node> {
  const node = await createNode({ cache: { bytesMax: 1024 * 1024 * 1024 } })
  stop = () => node.stop()
  const store = async (id: string): Promise<void> => {
    const session = await node.create(id, { assumeNew: true })
    session.set('data', value)
    await session.commit()
  }
  for (let i = 0; i < ids.length; i += 512) await Promise.all(ids.slice(i, i + 512).map(store))
  return node
}

/** 32 characters, as a session id has them. */
function idOf(i: number): string {
  return ((i * 0x9e3779b1) % 2 ** 32).toString(16).padStart(32, 'k')
}

/** In an order of no use to the processor's caches. */
function shuffled(list: readonly string[]): string[] {
  const copy = [...list]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[copy[i], copy[j]] = [copy[j] as string, copy[i] as string]
  }
  return copy
}

serve(commands, () => stop())
