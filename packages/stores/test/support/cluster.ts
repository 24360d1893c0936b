/** Nodes in this process and their stores, for tests: on loopback, stopped at the end of each test. */
import { createNode, type Node, type NodeOptions } from '@reprise/node'
import { RepriseStore, type RepriseStoreOptions } from '@reprise/stores/express-session'

const SECRET = 'the secret of a cluster in a test'
const running = new Set<Node>()

export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const node = await createNode({ secret: SECRET, ...options })
  running.add(node)
  return node
}

/** Start a cluster and wait until every member sees all of it ready. */
export async function startNodes(size: number): Promise<Node[]> {
  const first = await startNode({ name: 'node-1' })
  const others = Array.from({ length: size - 1 }, (_, i) => startNode({ name: `node-${i + 2}`, join: first.addresses }))
  const nodes = [first, ...(await Promise.all(others))]
  await Promise.all(nodes.map((node) => node.whenReady({ members: size, signal: AbortSignal.timeout(15_000) })))
  return nodes
}

/** A store on a node of its own. */
export async function startStore(options: Omit<RepriseStoreOptions, 'node'> = {}): Promise<RepriseStore> {
  return new RepriseStore({ node: await startNode(), ...options })
}

/** A store on each node of a cluster. */
export async function startStores(
  size: number,
  options: Omit<RepriseStoreOptions, 'node'> = {},
): Promise<RepriseStore[]> {
  return (await startNodes(size)).map((node) => new RepriseStore({ node, ...options }))
}

export async function stopAll(): Promise<void> {
  const nodes = [...running]
  running.clear()
  await Promise.all(nodes.map((node) => node.stop()))
}

/** Wait until a condition holds; the test's own time limit bounds it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

declare module 'express-session' {
  interface SessionData {
    cart?: string[]
    items?: { sku: string; quantity: number }[]
    user?: string
    theme?: string
    visits?: number
  }
}
