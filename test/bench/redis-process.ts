/** A client of a replicated Redis, for the bench of writing. */
import { createClient } from 'redis'
import { serve } from './child.ts'
import { until } from './harness.ts'

export type RedisCommands = typeof commands

let client: ReturnType<typeof createClient> | undefined

const commands = {
  start: async (path: string): Promise<void> => {
    client = createClient({ socket: { path, tls: false } })
    await client.connect()
    await until(async () => (await client?.wait(1, 100)) === 1, 'the replica')
  },

  /** Set `keys` keys to values of `bytes` bytes, `rounds` times, `outstanding` commands at a time; ends when the replica has all. */
  set: async (keys: number, rounds: number, bytes: number, outstanding: number): Promise<void> => {
    const redis = client as NonNullable<typeof client>
    let next = 0
    const writer = async (): Promise<void> => {
      while (next < keys * rounds) {
        const n = next++
        await redis.set(`session-${n % keys}`, Buffer.alloc(bytes, 1 + Math.floor(n / keys)))
      }
    }
    await Promise.all(Array.from({ length: outstanding }, writer))
    await until(async () => (await redis.wait(1, 1_000)) === 1, 'the replica')
  },
}

serve(commands, async () => {
  client?.destroy()
})
