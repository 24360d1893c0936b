/** Nodes in this process and stores on them, for tests: on loopback, stopped at the end of each test. */
import { createNode, type Node, type NodeOptions } from '@reprise/node'
import { type ClusterStore, createKeyValueStore, type KeyValueOptions } from '../../src/index.ts'

const SECRET = 'the secret of a cluster in a test'
const running = new Set<Node>()

export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const node = await createNode({ secret: SECRET, ...options })
  running.add(node)
  return node
}

/** Start a cluster and wait until every member sees all of it ready. */
export async function startNodes(size: number, options: NodeOptions = {}): Promise<Node[]> {
  const first = await startNode({ name: 'node-1', ...options })
  const others = Array.from({ length: size - 1 }, (_, i) =>
    startNode({ name: `node-${i + 2}`, join: first.addresses, ...options }),
  )
  const nodes = [first, ...(await Promise.all(others))]
  await Promise.all(nodes.map((node) => node.whenReady({ members: size, signal: AbortSignal.timeout(15_000) })))
  return nodes
}

/** A store on each node of a cluster. */
export async function startStores(size: number, options: Omit<KeyValueOptions, 'node'> = {}): Promise<ClusterStore[]> {
  return (await startNodes(size)).map((node) => createKeyValueStore({ node, ...options }))
}

export async function stopAll(): Promise<void> {
  const nodes = [...running]
  running.clear()
  await Promise.all(nodes.map((node) => node.stop({ drainMs: 0 })))
}

/** Wait until a condition holds; the test's own time limit bounds it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

export function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString('latin1')
}
