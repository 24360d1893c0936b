/** Clusters of real nodes in one process, for tests: loopback, ports of the system's choice, stopped at the end of each test. */
import { createNode, type Node, type NodeOptions } from '@reprise/node'
import { DoomedMember } from './doomed-member.ts'

const SECRET = 'the secret of a cluster in a test'

/** Nodes and processes started by the tests so far and not stopped yet. */
const running = new Set<Node>()
const doomed = new Set<DoomedMember>()

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

/** Start one more member of the cluster, in a process that can be killed; resolves when everybody sees it ready. */
export async function startDoomed(nodes: readonly Node[]): Promise<DoomedMember> {
  const member = await DoomedMember.start({ name: 'doomed', secret: SECRET, join: nodes[0]?.addresses ?? [] })
  doomed.add(member)
  const members = nodes.length + 1
  await Promise.all(nodes.map((node) => node.whenReady({ members, signal: AbortSignal.timeout(15_000) })))
  return member
}

/** Stop all nodes that a test left running. */
export async function stopAll(): Promise<void> {
  const nodes = [...running]
  const processes = [...doomed]
  running.clear()
  doomed.clear()
  await Promise.all([...processes.map((member) => member.kill()), ...nodes.map((node) => node.stop())])
}

/** Wait until a condition holds; the test's own time limit bounds it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}
