/** An application server whose sessions are in Redis, behind Sentinel. */
import type { SessionAnswer, SessionCall } from '../../packages/chaos/src/member/calls.ts'
import { serve } from '../bench/child.ts'
import { REDIS_HOSTS } from './constants.ts'
import { Primary } from './primary.ts'
import { RedisDesk } from './redis-desk.ts'

export type RedisAppCommands = typeof commands

let primary: Primary | undefined
let desk: RedisDesk | undefined

const commands = {
  start: async (sentinels: readonly string[], waits: boolean): Promise<void> => {
    primary = await Primary.open(sentinels)
    desk = new RedisDesk(primary, waits)
  },

  call: async (call: SessionCall): Promise<SessionAnswer> =>
    (await desk?.call(call)) ?? { isDone: false, isCertain: true, error: 'STARTING: it does not serve yet' },

  isServing: (): boolean => desk !== undefined,

  /** Whether the primary has all its replicas, and none lags. */
  isWhole: async (): Promise<boolean> => {
    const told = (await primary?.use((client) => client.info('replication'))) ?? ''
    const offset = /master_repl_offset:(\d+)/.exec(told)?.[1]
    const replicas = [...told.matchAll(/slave\d+:.*state=online,offset=(\d+)/g)]
    return replicas.length === REDIS_HOSTS - 1 && replicas.every(([, at]) => at === offset)
  },
}

serve(commands, async () => {
  primary?.close()
})
