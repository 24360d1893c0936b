/** `stats [<what>]`: what this gateway did, and what its node holds. Of slabs and settings there is nothing to tell. */
import type { Command, Context } from '../command.ts'
import { PROTOCOL_VERSION } from '../constants.ts'

export const stats: Command = {
  argsMin: 0,
  argsMax: Number.POSITIVE_INFINITY,
  hasNoreply: false,
  run: ({ args: [what] }, context) => {
    const { reply, counters } = context
    if (what === 'reset') {
      counters.reset()
      reply.line('RESET')
      return
    }
    if (what === undefined) for (const [name, value] of general(context)) reply.line(`STAT ${name} ${value}`)
    reply.line('END')
  },
}

function* general({ counters, store }: Context): Generator<[string, string | number]> {
  const { user, system } = process.cpuUsage()
  yield ['pid', process.pid]
  yield ['uptime', Math.floor((performance.now() - counters.startedMs) / 1_000)]
  yield ['time', Math.floor(Date.now() / 1_000)]
  yield ['version', PROTOCOL_VERSION]
  yield ['pointer_size', 64]
  yield ['rusage_user', (user / 1e6).toFixed(6)]
  yield ['rusage_system', (system / 1e6).toFixed(6)]
  for (const [name, value] of Object.entries(counters)) if (name !== 'startedMs') yield [name, value]
  yield ['threads', 1]
  yield ['curr_items', store.count()]
}
