/** A member that says how long it took to become ready, and then does nothing. */
import { createNode, type Node, type NodeOptions } from '@reprise/node'
import { serve } from './child.ts'

export type StartupCommands = typeof commands

let node: Node

const commands = {
  /** Milliseconds until it is ready, its own modules loaded before. */
  start: async (options: NodeOptions): Promise<{ readonly addresses: readonly string[]; readonly readyMs: number }> => {
    const startedMs = performance.now()
    node = await createNode(options)
    return { addresses: node.addresses, readyMs: performance.now() - startedMs }
  },
  /** Further milliseconds until it knows so many members, and everything is where it shall be. */
  whenReady: async (members: number): Promise<number> => {
    const startedMs = performance.now()
    await node.whenReady({ members })
    return performance.now() - startedMs
  },
}

serve(commands, async () => {
  await node?.stop()
})
