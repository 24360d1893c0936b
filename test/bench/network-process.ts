/** Several networks in one process, one for each kind of encryption, for the bench of that. */
import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { createNetwork, type Libp2pNetwork, type NetworkInit } from '@reprise/p2p'
import { serve } from './child.ts'
import { timed, until } from './harness.ts'

export type NetworkCommands = typeof commands

class Side {
  readonly network: Libp2pNetwork
  subscriber: string | undefined
  #onReply = (): void => {}

  private constructor(network: Libp2pNetwork) {
    this.network = network
  }

  static async start(init: Pick<NetworkInit, 'encryption' | 'secret'>, join: readonly string[]): Promise<Side> {
    const side = new Side(await createNetwork({ shardCount: 1, join, ...init }))
    const { network } = side
    // Who was joined receives and answers; who joins sends.
    const isAsker = join.length > 0
    if (!isAsker) network.subscribe(0)
    let frames = 0
    await network.start({
      onPeerUp: () => {},
      onPeerDown: () => {},
      onSubscriber: (peer) => {
        side.subscriber = peer
      },
      onFrame: (from) => {
        frames++
        if (frames % BATCH === 0) network.send(from, 'control', new Uint8Array(1))
      },
      onMessage: (from, _lane, message) => {
        if (isAsker) side.#onReply()
        else network.send(from, 'control', Uint8Array.from(message))
      },
    })
    return side
  }

  roundTrip(message: Uint8Array): Promise<void> {
    return this.#reply(() => this.network.send(this.subscriber as string, 'control', message))
  }

  /** Publish a batch, and wait until the subscriber says that it has it. */
  publish(frames: readonly Uint8Array[]): Promise<void> {
    return this.#reply(() => {
      for (const frame of frames) this.network.publish(0, frame)
    })
  }

  #reply(ask: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#onReply = resolve
      ask()
    })
  }
}

const sides = new Map<string, Side>()

const commands = {
  start: async (
    name: string,
    init: Pick<NetworkInit, 'encryption' | 'secret'>,
    join: readonly string[],
  ): Promise<{ addresses: readonly string[] }> => {
    const side = await Side.start(init, join)
    sides.set(name, side)
    return { addresses: side.network.addresses }
  },

  whenUp: (name: string): Promise<void> =>
    until(async () => side(name).subscriber !== undefined, 'the subscriber to be heard of'),

  roundTrips: async (name: string, count: number, bytes: number): Promise<readonly number[]> => {
    const message = new Uint8Array(bytes)
    const ms: number[] = []
    for (let i = 0; i < count; i++) ms.push(await timed(() => side(name).roundTrip(message)))
    return ms
  },

  publish: async (name: string, count: number, bytes: number): Promise<void> => {
    for (let i = 0; i < count; i += BATCH) {
      // A frame's first bytes are its id, and nothing is delivered twice.
      await side(name).publish(Array.from({ length: BATCH }, () => randomBytes(bytes)))
      await turn()
    }
  },
}

function side(name: string): Side {
  return sides.get(name) as Side
}

/** Frames published in one turn: as many shards as a busy node flushes together. */
const BATCH = 50

serve(commands, async () => {
  await Promise.all([...sides.values()].map(({ network }) => network.stop()))
})
