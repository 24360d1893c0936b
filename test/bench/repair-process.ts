/** A member whose network loses frames on their way in, for the bench of repair. */
import { setTimeout as pause } from 'node:timers/promises'
import { FRAME_ID_BYTES, type Session, SHARD_COUNT } from '@reprise/core'
import type { Node } from '@reprise/node'
import { createNetwork, type Libp2pNetwork, type NetworkEvents } from '@reprise/p2p'
import { decodeFrame } from '../../packages/core/src/wire/frame.ts'
import { decodeMessage } from '../../packages/core/src/wire/message-codec.ts'
import { createClock } from '../../packages/node/src/clock.ts'
import { nodeOn } from '../../packages/node/src/create-node.ts'
import { type NodeOptions, resolveOptions } from '../../packages/node/src/options.ts'
import { serve } from './child.ts'
import { Echo } from './echo.ts'
import { timed } from './harness.ts'

export type RepairCommands = typeof commands

/** Loses a share of the frames that come in, and times how long each stays lost after a later one of its stream came. */
class Loss {
  readonly #rate: number
  readonly #lost = new Set<string>()
  readonly #noticeableMs = new Map<string, number>()
  readonly repairedMs: number[] = []
  isOn = false
  dbg: Record<string, number> = {}

  constructor(rate: number) {
    this.#rate = rate
  }

  wrap(network: Libp2pNetwork): Libp2pNetwork {
    return new Proxy(network, {
      get: (target, name) => {
        if (name === 'start') return (events: NetworkEvents) => target.start(this.#wrapEvents(events))
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  #wrapEvents(events: NetworkEvents): NetworkEvents {
    return {
      ...events,
      onFrame: (from, shard, bytes) => {
        const { number } = decodeFrame(bytes, 0).header
        this.dbg['frames'] = (this.dbg['frames'] ?? 0) + 1
        if (this.isOn && Math.random() < this.#rate) {
          this.#lost.add(`${from} ${shard} ${number}`)
          return
        }
        for (let before = number - 1; this.#lost.delete(`${from} ${shard} ${before}`); before--) {
          this.#noticeableMs.set(`${from} ${shard} ${before}`, performance.now())
        }
        events.onFrame(from, shard, bytes)
      },
      onMessage: (from, lane, bytes) => {
        this.#lookForRepair(from, bytes)
        return events.onMessage(from, lane, bytes)
      },
    }
  }

  #lookForRepair(from: string, bytes: Uint8Array): void {
    const message = decodeMessage(bytes, 0)
    this.dbg[message.type] = (this.dbg[message.type] ?? 0) + 1
    if (message.type !== 'repair') return
    const { shard, number } = decodeFrame(message.frame, 0).header
    const name = `${from} ${shard} ${number}`
    const sinceMs = this.#noticeableMs.get(name)
    if (sinceMs !== undefined) this.repairedMs.push(performance.now() - sinceMs)
    this.#noticeableMs.delete(name)
  }
}

let node: Node
let echo: Echo
let loss: Loss
const written: Session[] = []

const commands = {
  start: async (options: NodeOptions, lossRate: number): Promise<readonly string[]> => {
    loss = new Loss(lossRate)
    const init = { shardCount: SHARD_COUNT, join: options.join ?? [] }
    const network = await createNetwork({ ...init, frameId: (frame) => frame.subarray(0, FRAME_ID_BYTES) })
    node = await nodeOn(loss.wrap(network), resolveOptions(options), createClock(), undefined)
    await node.start()
    echo = await Echo.start()
    return node.addresses
  },
  whenReady: (members: number): Promise<void> => node.whenReady({ members }),
  echoAddress: (): string => echo.address,
  openEcho: (address: string): Promise<void> => echo.open(address),
  lose: (isOn: boolean): void => {
    loss.isOn = isOn
  },

  /** Write sessions round and round, a round every `everyMs`. */
  write: async (sessions: number, rounds: number, everyMs: number, bytes: number): Promise<void> => {
    for (let i = written.length; i < sessions; i++) written.push(await node.create(`session-${i}`, { assumeNew: true }))
    for (let round = 0; round < rounds; round++) {
      for (const session of written) {
        session.set('data', new Uint8Array(bytes).fill(round))
        await session.commit()
      }
      await pause(everyMs)
    }
  },

  stat: (): unknown => [loss.dbg, node.status().streams, node.status().network.counters],
  repairedMs: (): readonly number[] => loss.repairedMs,

  bareMs: async (rounds: number, bytes: number): Promise<readonly number[]> => {
    const payload = new Uint8Array(bytes)
    const ms: number[] = []
    for (let i = 0; i < rounds; i++) {
      ms.push(await timed(() => echo.roundTrip(payload)))
      await pause(5)
    }
    return ms
  },
}

serve(commands, async () => {
  await Promise.all([node?.stop(), echo?.stop()])
})
