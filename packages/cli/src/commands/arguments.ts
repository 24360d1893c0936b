/** Options that several commands share, and how their values are read. */
import { InvalidArgumentError, Option } from 'commander'
import { NODES_MAX } from '../cluster/constants.ts'
import type { Confirm } from '../cluster/messages.ts'

/** `-n, --nodes <count>`, without a default where none is given. */
export function nodesOption({ min, byDefault }: { min: number; byDefault?: number }): Option {
  const option = wholeOption('-n, --nodes <count>', 'how many nodes', { min, max: NODES_MAX })
  return byDefault === undefined ? option : option.default(byDefault)
}

/** A whole number within bounds, which its help names. */
export function wholeOption(flags: string, help: string, { min, max }: { min: number; max: number }): Option {
  return new Option(flags, `${help}, ${min} to ${max}`).argParser((text) => {
    const count = Number(text)
    if (Number.isInteger(count) && count >= min && count <= max) return count
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  })
}

/** `--confirm <when>` */
export function confirmOption(): Option {
  const copies: Confirm = 'copies'
  return new Option('--confirm <when>', 'a handshake waits until its session is queued, or until another node has it')
    .choices(['queued', copies] satisfies Confirm[])
    .default(copies)
}
