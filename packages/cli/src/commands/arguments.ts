/** Options that several commands share, and how their values are read. */
import { InvalidArgumentError, Option } from 'commander'
import { NODES_MAX } from '../cluster/constants.ts'
import type { Confirm } from '../cluster/messages.ts'

/** `-n, --nodes <count>` */
export function nodesOption({ min, byDefault }: { min: number; byDefault: number }): Option {
  return new Option('-n, --nodes <count>', `how many nodes, ${min} to ${NODES_MAX}`)
    .default(byDefault)
    .argParser((text) => {
      const count = Number(text)
      if (Number.isInteger(count) && count >= min && count <= NODES_MAX) return count
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${NODES_MAX}.`)
    })
}

/** `--confirm <when>` */
export function confirmOption(): Option {
  const copies: Confirm = 'copies'
  return new Option('--confirm <when>', 'a handshake waits until its session is queued, or until another node has it')
    .choices(['queued', copies] satisfies Confirm[])
    .default(copies)
}
