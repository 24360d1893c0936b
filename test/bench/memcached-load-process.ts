/**
 * A load of memcached's text protocol, in a process of its own so that it shares no core with who serves it. It does as little
 * as it can: its requests are made beforehand, and its answers all have one length, so that it only counts bytes.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { serve } from './child.ts'

export interface MemcachedLoad {
  readonly socketPath: string
  readonly command: 'get' | 'set'
  readonly clients: number
  /** Requests that a client sends at a time, before it waits for the answers to all of them. */
  readonly pipeline: number
  readonly requests: number
  /** Keys of which each request takes one by chance. */
  readonly keys: number
  readonly valueBytes: number
}

export type MemcachedLoadCommands = typeof commands

const commands = {
  /** Store a value under each key. */
  fill: async (load: MemcachedLoad): Promise<void> => {
    const keys = Array.from({ length: load.keys }, (_, key) => key)
    await run({ ...load, command: 'set', clients: 1, pipeline: load.keys, requests: load.keys }, () => [
      Buffer.concat(keys.map((key) => request(load, 'set', key))),
    ])
  },

  /** Send the load. @returns requests that were answered in a second. */
  drive: async (load: MemcachedLoad): Promise<number> => {
    const { command, keys, pipeline } = load
    const someKey = (): number => Math.floor(Math.random() * keys)
    const batch = (): Buffer => Buffer.concat(Array.from({ length: pipeline }, () => request(load, command, someKey())))
    return await run(load, () => Array.from({ length: BATCHES }, batch))
  },
}

async function run(load: MemcachedLoad, make: () => readonly Buffer[]): Promise<number> {
  const batches = make()
  const answerBytes = load.pipeline * replyBytes(load)
  let unsent = Math.ceil(load.requests / load.pipeline)
  const answered = unsent * load.pipeline
  let next = 0
  const send = (socket: Socket): void => {
    if (unsent-- <= 0) socket.end()
    else socket.write(batches[next++ % batches.length] as Buffer)
  }
  const sockets = Array.from({ length: load.clients }, () => connect({ path: load.socketPath }))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const startedMs = performance.now()
  await Promise.all(
    sockets.map(async (socket) => {
      let lackingBytes = answerBytes
      socket.on('data', (chunk) => {
        lackingBytes -= chunk.length
        if (lackingBytes > 0) return
        if (lackingBytes < 0 || chunk.at(-1) !== LINE_FEED) socket.destroy(new Error('an answer of another length'))
        lackingBytes = answerBytes
        send(socket)
      })
      send(socket)
      await once(socket, 'close')
    }),
  )
  return (answered * 1_000) / (performance.now() - startedMs)
}

function request({ valueBytes }: MemcachedLoad, command: 'get' | 'set', key: number): Buffer {
  if (command === 'get') return Buffer.from(`get ${keyName(key)}\r\n`)
  return Buffer.from(`set ${keyName(key)} 0 0 ${valueBytes}\r\n${'x'.repeat(valueBytes)}\r\n`)
}

function replyBytes({ command, valueBytes }: MemcachedLoad): number {
  if (command === 'set') return 'STORED\r\n'.length
  return `VALUE ${keyName(0)} 0 ${valueBytes}\r\n\r\nEND\r\n`.length + valueBytes
}

/** All of one length, as redis-benchmark has them. */
function keyName(key: number): string {
  return `key:${String(key).padStart(12, '0')}`
}

const BATCHES = 1_024
const LINE_FEED = 10

serve(commands, async () => {})
