/**
 * A member process: started by a runner, told what to be through the channel between them, and at its service until the end of either.
 *
 * It ends when it is told to, and at once when the runner is gone. Signals from the keyboard are the runner's business: a terminal sends ^C to
 * the whole group.
 */
import { tracingChannel } from 'node:diagnostics_channel'
import { rmSync } from 'node:fs'
import type { Server } from 'node:net'
import type { SessionSource } from '@reprise/core'
import type { NodeOptions } from '@reprise/node'
import { DRAIN_MS } from '../constants.ts'
import { TlsDesk } from '../tls/tls-desk.ts'
import { FaultyClock } from './clock-fault.ts'
import { type DeskNode, SessionDesk } from './desk.ts'
import { takeDetours } from './detours.ts'
import type { FromMember, MemberAnswer, MemberCall, MemberConfig, ToMember } from './messages.ts'

/** Also one of an earlier version. */
interface NodeModule {
  createNode(options: NodeOptions): Promise<DeskNode & SessionSource & Stoppable>
}

interface Stoppable {
  stop(options: { readonly drainMs: number }): Promise<void>
}

const clock = FaultyClock.install()

async function run(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  // Loading takes most of the time to start: it is under way when the configuration comes.
  const loading = import('@reprise/node')
  const started = Promise.withResolvers<MemberConfig>()
  let desk: SessionDesk | undefined
  let node: Stoppable | undefined
  let tlsDesk: TlsDesk | undefined
  const ending = new AbortController()
  process.on('message', (message: ToMember) => {
    switch (message.type) {
      case 'start':
        return started.resolve(message.config)
      case 'call':
        return void answer(desk, message.number, message.call)
      case 'stall':
        return stall(message.ms)
      case 'clock':
        return clock.set(message)
      case 'stop':
        ending.abort()
        return void end(node, tlsDesk)
    }
  })
  process.once('disconnect', () => process.exit(0))
  const config = await started.promise
  process.removeAllListeners('disconnect')
  process.once('disconnect', () => endOrphaned(config))
  process.title = `reprise-chaos ${config.name}`
  takeDetours(config.detours)
  const { createNode }: NodeModule = config.nodeModule === undefined ? await loading : await import(config.nodeModule)
  const listening = listeningPort()
  const created = await createNode(optionsOf(config))
  node = created
  desk = new SessionDesk(created)
  await tell({ type: 'serving', port: await listening })
  if (config.tls === undefined) return
  try {
    tlsDesk = await TlsDesk.open(created, config.tls, ending.signal)
    await tell({ type: 'tls-serving', port: tlsDesk.port })
  } catch (error) {
    if (!ending.signal.aborted) throw error
  }
}

function optionsOf(config: MemberConfig): NodeOptions {
  const { name, cluster, dataDir, join, copies, cacheBytesMax, repositoryDirectory } = config
  return {
    name,
    cluster,
    secret: Buffer.from(config.secret, 'base64url'),
    dataDir,
    join,
    copies,
    listen: [config.listen],
    // Whether it is ready is asked.
    readyMs: 0,
    ...(config.announce !== undefined && { announce: [config.announce] }),
    ...(cacheBytesMax !== undefined && { cache: { bytesMax: cacheBytesMax } }),
    ...(repositoryDirectory !== undefined && {
      role: 'repository',
      repository: { directory: repositoryDirectory },
    }),
  }
}

async function answer(desk: SessionDesk | undefined, number: number, call: MemberCall): Promise<void> {
  await tell({ type: 'answer', number, answer: await answerOf(desk, call) })
}

async function answerOf(desk: SessionDesk | undefined, call: MemberCall): Promise<MemberAnswer> {
  const starting = { isDone: false, isCertain: true, error: 'STARTING: it does not serve yet' } as const
  switch (call.kind) {
    case 'condition':
      return desk?.condition() ?? { state: 'starting', lagFrames: 0, reachable: 0, sessions: 0 }
    case 'check':
      return (await desk?.check()) ?? NOT_CHECKED
    default:
      return (await desk?.call(call)) ?? starting
  }
}

const NOT_CHECKED: MemberAnswer = { verdict: 'critical', reasons: ['it does not serve yet'], differing: 0, short: 0 }

/** The port of the next server that listens. What the node tells others is where they reach it, which may be elsewhere. */
function listeningPort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  tracingChannel<unknown, { readonly server: Server }>('net.server.listen').subscribe({
    start: () => {},
    end: () => {},
    error: () => {},
    asyncStart: () => {},
    asyncEnd: ({ server }) => {
      const address = server.address()
      if (address !== null && typeof address === 'object') resolve(address.port)
    },
  })
  return promise
}

/** Nothing else happens in this process for so long. */
function stall(ms: number): void {
  const untilMs = clock.trueMs() + ms
  while (clock.trueMs() < untilMs);
}

/** As a server is ended: nobody comes in any more, then what it has is handed over. */
async function end(node: Stoppable | undefined, tlsDesk: TlsDesk | undefined): Promise<void> {
  await tlsDesk?.close()
  await node?.stop({ drainMs: DRAIN_MS })
  process.exit(0)
}

/** The runner is gone, and with it whoever would have tidied up. */
function endOrphaned({ clusterDir }: MemberConfig): never {
  try {
    rmSync(clusterDir, { recursive: true, force: true, maxRetries: 3 })
  } catch {
    // Another member is at it, or a disk is mounted there, which only root may let go of.
  }
  process.exit(0)
}

/** Resolves when the message is on its way, or cannot be sent any more. */
function tell(message: FromMember): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
    else resolve()
  })
}

run().catch(async (error: unknown) => {
  await tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
  process.exit(1)
})
