/**
 * What a host's firewall does not let in, as the script that makes it so at once. Whatever is not from a member passes: the test and
 * its clients reach everybody.
 */
import { LOSS_STEPS } from './constants.ts'

/** What a host hears of another one. */
export interface Hearing {
  /** Of the other one. */
  readonly address: string
  readonly isCut: boolean
  readonly lossRate: number
}

/** Replaces all rules that were there; nftables takes the script whole or not at all. */
export function packetRules(hearings: readonly Hearing[]): string {
  const rules = hearings.flatMap(({ address, isCut, lossRate }) => {
    const steps = Math.round(lossRate * LOSS_STEPS)
    if (isCut || steps === LOSS_STEPS) return [`ip saddr ${address} drop`]
    return steps === 0 ? [] : [`ip saddr ${address} numgen random mod ${LOSS_STEPS} < ${steps} drop`]
  })
  const chain = ['type filter hook input priority raw; policy accept;', ...rules]
  const body = chain.map((rule) => `    ${rule}`).join('\n')
  // It has to be there to be deleted.
  return `table inet reprise\ndelete table inet reprise\ntable inet reprise {\n  chain heard {\n${body}\n  }\n}\n`
}
