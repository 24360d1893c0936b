/** `me <key> [b]`: what is known of a key, for people. */
import type { Command } from '../command.ts'
import { then } from '../command.ts'
import { metaFlagsOf } from '../meta-flags.ts'

export const me: Command = {
  argsMin: 0,
  argsMax: 2,
  hasNoreply: false,
  run: ({ args }, { store, reply, uses, counters }) => {
    const { key, shownKey } = metaFlagsOf(args)
    counters.cmd_meta += 1
    return then(store.get(key), (entry) => {
      if (entry === undefined) {
        reply.line('EN')
        return
      }
      const use = uses.last(key.toString('latin1'))
      const secondsLeft = entry.ttlMs === undefined ? -1 : Math.round(entry.ttlMs / 1_000)
      const secondsAgo = use === undefined ? 0 : Math.floor((performance.now() - use.atMs) / 1_000)
      const fetched = use?.isFetched === true ? 'yes' : 'no'
      const size = key.length + entry.value.length
      reply.line(
        `ME ${shownKey} exp=${secondsLeft} la=${secondsAgo} cas=${entry.unique} fetch=${fetched} cls=1 size=${size}`,
      )
    })
  },
}
