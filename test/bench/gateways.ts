/**
 * The gateways of one node against the servers that they stand for, and what idle connections cost. redis-benchmark drives RESP and
 * redis-server; memcached has no tool that sends pipelines, so a process of ours drives it and our gateway alike.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createClient } from 'redis'
import { Child } from './child.ts'
import type { GatewayCommands } from './gateways-process.ts'
import { type Bench, median, type Row, ratio, until } from './harness.ts'
import { startMemcached } from './memcached.ts'
import type { MemcachedLoad, MemcachedLoadCommands } from './memcached-load-process.ts'
import { startRedis } from './redis.ts'

const BYTES = 200
const KEYS = 10_000
const CLIENTS = 50
const TURNS = 3
const IDLE_CONNECTIONS = 10_000
const IDLE_BYTES_MAX: number = 20 * 1024

export const gateways: Bench = {
  name: 'gateways',
  sketch:
    'CPU of a GET: node:net and the kernel 3 us (0.3 in a pipeline), RESP 0.4, the store 1.5, and up to 4 with cold caches; of a SET in a pipeline sealing 3.6, ' +
    'garbage 2, frames 2.5, the rest of a commit 8. redis-server: 2 to 3. The generator for memcached takes 4 us of its own process, 0.4 to 0.9 in a pipeline',
  expectation:
    'half of the other in GET without pipelining, where sockets are most of the work; a third in pipelines; a sixth in SET, a twentieth in pipelines, since it neither seals nor replicates',
  run: async (signal) => {
    const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'))
    try {
      const resp = await compareWithRedis(folder, signal)
      const memcached = await compareWithMemcached(folder, signal)
      return [...resp, ...memcached, ...(await holdIdle(folder, signal))]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

interface Load {
  readonly what: string
  readonly command: 'get' | 'set'
  readonly pipeline: number
  readonly requests: number
}

/** Writes first, so that reads find something. */
const LOADS: readonly Load[] = [
  { what: 'SET', command: 'set', pipeline: 1, requests: 30_000 },
  { what: 'GET', command: 'get', pipeline: 1, requests: 50_000 },
  { what: 'SET, 16 deep', command: 'set', pipeline: 16, requests: 60_000 },
  { what: 'GET, 16 deep', command: 'get', pipeline: 16, requests: 200_000 },
]

/** What a server did with a load, a turn each. */
interface Taken {
  readonly perSecond: number[]
  /** CPU of the server, user and system, a request. */
  readonly cpuUs: number[]
}

async function compareWithRedis(folder: string, signal: AbortSignal): Promise<readonly Row[]> {
  await using redis = await startRedis(signal)
  if (redis === undefined) return []
  await using child = await startGateway('resp', join(folder, 'resp.sock'), signal)
  const driven = (socketPath: string): Drive => ({
    cpuUs: () => redisCpuUs(socketPath),
    send: (load) => sendByBenchmark(socketPath, load, signal),
  })
  return await compare('RESP', driven(child.socketPath), 'redis-server', driven(redis.socketPath))
}

async function compareWithMemcached(folder: string, signal: AbortSignal): Promise<readonly Row[]> {
  await using memcached = await startMemcached(signal)
  if (memcached === undefined) return []
  await using child = await startGateway('memcached', join(folder, 'memcached.sock'), signal)
  await using generator = new Child<MemcachedLoadCommands>(LOAD_MODULE, signal)
  const driven = async (socketPath: string, cpuUs: () => Promise<number>): Promise<Drive> => {
    const shape = { socketPath, clients: CLIENTS, keys: KEYS, valueBytes: BYTES }
    await generator.call('fill', { ...shape, command: 'set', pipeline: 1, requests: 0 })
    return { cpuUs, send: (load) => generator.call('drive', { ...shape, ...load } satisfies MemcachedLoad) }
  }
  const mine = await driven(child.socketPath, () => child.process.cpuUs())
  return await compare('memcached', mine, 'memcached', await driven(memcached.socketPath, memcached.cpuUs))
}

/** A server under load. */
interface Drive {
  /** CPU that it has used, user and system. */
  cpuUs(): Promise<number>
  /** @returns requests that were answered in a second. */
  send(load: Load): Promise<number>
}

async function compare(protocol: string, mine: Drive, peerName: string, peer: Drive): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const load of LOADS) {
    const [here, there] = [empty(), empty()]
    for (let turn = -1; turn < TURNS; turn++) {
      for (const [drive, taken] of [[mine, here] as const, [peer, there] as const]) {
        const before = await drive.cpuUs()
        const perSecond = await drive.send(load)
        const cpuUs = ((await drive.cpuUs()) - before) / load.requests
        // The first turn compiles the code.
        if (turn < 0) continue
        taken.perSecond.push(perSecond)
        taken.cpuUs.push(cpuUs)
      }
    }
    rows.push(rowOf(`${peerName} ${load.what}`, there, there, peerName))
    rows.push({ ...rowOf(`${protocol} gateway ${load.what}`, here, there, peerName), expected: 'x 0.5' })
  }
  return rows
}

function empty(): Taken {
  return { perSecond: [], cpuUs: [] }
}

function rowOf(what: string, taken: Taken, peer: Taken, peerName: string): Row {
  const value = median(taken.perSecond)
  const also = [{ what: 'CPU a request', value: median(taken.cpuUs), unit: 'us' }] as const
  return { what, value, unit: '/s', ratio: ratio(value, median(peer.perSecond), peerName), also }
}

async function sendByBenchmark(
  socketPath: string,
  { command, pipeline, requests }: Load,
  signal: AbortSignal,
): Promise<number> {
  const options = ['-c', CLIENTS, '-d', BYTES, '-r', KEYS, '-n', requests, '-P', pipeline, '-t', command]
  const args = ['-s', socketPath, ...options.map(String), '--csv']
  const { stdout } = await promisify(execFile)('redis-benchmark', args, { signal })
  const [, perSecond = ''] = stdout.trim().split('\n').at(-1)?.replaceAll('"', '').split(',') ?? []
  return Number(perSecond)
}

/** CPU that a server has used, as it says itself. */
async function redisCpuUs(socketPath: string): Promise<number> {
  const client = await createClient({ socket: { path: socketPath, tls: false } }).connect()
  try {
    const info = await client.info('cpu')
    const seconds = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1])
    return (seconds('used_cpu_sys') + seconds('used_cpu_user')) * 1e6
  } finally {
    await client.close()
  }
}

/** Connections that said something once and are quiet. */
async function holdIdle(folder: string, signal: AbortSignal): Promise<readonly Row[]> {
  await using child = await startGateway('resp', join(folder, 'idle.sock'), signal)
  const sockets: Socket[] = []
  try {
    // What the first connections make the process allocate for good is no connection's.
    await open(child.socketPath, sockets, 500)
    const before = await child.process.call('footprint')
    await open(child.socketPath, sockets, IDLE_CONNECTIONS)
    await until(async () => (await child.process.call('footprint')).connections >= sockets.length, 'all connections')
    const after = await child.process.call('footprint')
    const bytes = (after.rss - before.rss) / (after.connections - before.connections)
    return [
      {
        what: `idle connection, of ${IDLE_CONNECTIONS}`,
        value: bytes,
        unit: 'B',
        gate: {
          asked: `${IDLE_CONNECTIONS} held, under 20 KiB each`,
          isMet: after.connections - before.connections === IDLE_CONNECTIONS && bytes < IDLE_BYTES_MAX,
        },
      },
    ]
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

/** Open connections, a hundred at a time, each with a request that is answered. */
async function open(path: string, sockets: Socket[], count: number): Promise<void> {
  for (let done = 0; done < count; done += 100) {
    const some = Array.from({ length: Math.min(100, count - done) }, () => connect({ path }))
    sockets.push(...some)
    await Promise.all(
      some.map(async (socket) => {
        await once(socket, 'connect')
        socket.write('PING\r\n')
        await once(socket, 'data')
        socket.pause()
      }),
    )
  }
}

interface Gateway extends AsyncDisposable {
  readonly process: Child<GatewayCommands>
  readonly socketPath: string
}

async function startGateway(protocol: 'memcached' | 'resp', socketPath: string, signal: AbortSignal): Promise<Gateway> {
  const process = new Child<GatewayCommands>(MODULE, signal, ['--expose-gc'])
  await process.call('start', protocol, socketPath)
  return { process, socketPath, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() }
}

const MODULE = new URL('./gateways-process.ts', import.meta.url)
const LOAD_MODULE = new URL('./memcached-load-process.ts', import.meta.url)
