/** An application server whose sessions are in Redis, behind Sentinel. */
import { createSentinel } from 'redis'
import type { SessionAnswer, SessionCall } from '../../packages/chaos/src/member/calls.ts'
import { serve } from '../bench/child.ts'
import { CONNECTIONS, PRIMARY_NAME, REDIS_HOSTS, SENTINEL_PORT } from './constants.ts'
import { Connections, RedisDesk, type Sentinel } from './redis-desk.ts'

export type RedisAppCommands = typeof commands

let sentinel: Sentinel | undefined
let desk: RedisDesk | undefined

const commands = {
  /** Find the primary, by asking any of the Sentinels. Rejects when none knows; it may be tried again. */
  start: async (sentinels: readonly string[], waits: boolean): Promise<void> => {
    await sentinel?.destroy()
    sentinel = createSentinel({
      name: PRIMARY_NAME,
      sentinelRootNodes: sentinels.map((host) => ({ host, port: SENTINEL_PORT })),
      // One for what needs none of its own.
      masterPoolSize: CONNECTIONS + 1,
      // It looks for a new primary as often as a health check looks for a member.
      scanInterval: 1_000,
    })
    sentinel.on('error', () => {})
    await sentinel.connect()
    desk = new RedisDesk(sentinel, await Connections.open(sentinel, CONNECTIONS), waits)
  },

  call: async (call: SessionCall): Promise<SessionAnswer> =>
    (await desk?.call(call)) ?? { isDone: false, isCertain: true, error: 'STARTING: it does not serve yet' },

  isServing: (): boolean => desk !== undefined,

  /** Whether the primary has all its replicas, and none lags. */
  isWhole: async (): Promise<boolean> => {
    const told = await sentinel?.sendCommand<string>(false, ['INFO', 'replication'])
    const offset = /master_repl_offset:(\d+)/.exec(told ?? '')?.[1]
    const replicas = [...(told ?? '').matchAll(/slave\d+:.*state=online,offset=(\d+)/g)]
    return replicas.length === REDIS_HOSTS - 1 && replicas.every(([, at]) => at === offset)
  },
}

serve(commands, async () => {
  await sentinel?.destroy()
})
