/** `flush_all [<seconds>] [noreply]`: delete what this node holds, now or later. */
import { seconds } from '../arguments.ts'
import type { Command } from '../command.ts'
import { then } from '../command.ts'

export const flushAll: Command = {
  argsMin: 0,
  argsMax: 2,
  hasNoreply: true,
  run: ({ args }, { store, reply, counters, flushTimer }) => {
    const [given] = args
    const delay =
      given === undefined || given === 'noreply' ? 0 : seconds(given, 'CLIENT_ERROR invalid exptime argument')
    counters.cmd_flush += 1
    if (delay > 0) {
      flushTimer.start(delay)
      reply.line('OK')
      return
    }
    flushTimer.stop()
    return then(store.flush(), () => reply.line('OK'))
  },
}
