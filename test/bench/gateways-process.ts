/** A node with its gateways, in a process of its own. */
import { createKeyValueStore, type GatewayServer, serveMemcached, serveResp } from '@reprise/gateways'
import { createNode, type Node } from '@reprise/node'
import { serve } from './child.ts'

export type GatewayCommands = typeof commands

let node: Node | undefined
let gateway: GatewayServer | undefined

const commands = {
  /** Serve a protocol at a socket. */
  start: async (protocol: 'memcached' | 'resp', socketPath: string): Promise<void> => {
    node = await createNode({ secret: 'sixteen bytes or more' })
    await node.whenReady()
    const serveProtocol = protocol === 'resp' ? serveResp : serveMemcached
    gateway = await serveProtocol({ store: createKeyValueStore({ node }), listen: `unix:${socketPath}` })
  },

  /** Connections that are open, and what the process holds after garbage collection. */
  footprint: (): { connections: number; rss: number } => {
    for (let i = 0; i < 3; i++) globalThis.gc?.()
    return { connections: gateway?.connections ?? 0, rss: process.memoryUsage.rss() }
  },
}

serve(commands, async () => {
  await gateway?.stop()
  await node?.stop({ drainMs: 0 })
})
