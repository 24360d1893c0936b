/** Clusters of real nodes in one process, for tests: loopback, ports of the system's choice, stopped at the end of each test. */
import { createNode, type Node, type NodeOptions } from '@reprise/node'

const SECRET = 'the secret of a cluster in a test'

/** Nodes started by the tests so far and not stopped yet. */
const running = new Set<Node>()

/** Start one node and remember it for `stopAll`. */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const node = await createNode({ secret: SECRET, ...options })
  running.add(node)
  return node
}

/** Start a cluster and wait until every member sees all of it ready. */
export async function startCluster(size: number, options: NodeOptions = {}): Promise<Node[]> {
  const first = await startNode({ name: 'node-1', ...options })
  const others = Array.from({ length: size - 1 }, (_, i) =>
    startNode({ name: `node-${i + 2}`, join: first.addresses, ...options }),
  )
  const nodes = [first, ...(await Promise.all(others))]
  await Promise.all(nodes.map((node) => node.whenReady({ members: size, signal: AbortSignal.timeout(15_000) })))
  return nodes
}

/** Stop all nodes that a test left running. */
export async function stopAll(): Promise<void> {
  const nodes = [...running]
  running.clear()
  await Promise.all(nodes.map((node) => node.stop()))
}

/** Wait until a condition holds; the test's own time limit bounds it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}
