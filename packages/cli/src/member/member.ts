/**
 * A member process from the inside: a node, the HTTPS server in front of it, and its admin server, put together in the
 * order in which they need each other and taken apart in reverse.
 */
import { loadPage } from '@reprise/dashboard'
import { createNode, type Logger, type Node, type NodeOptions } from '@reprise/node'
import type { FromMember, MemberConfig, MemberCounters } from '../cluster/messages.ts'
import { GATEWAY_NAMES, type GatewayName, Gateways } from '../gateways.ts'
import { startMemberAdmin } from './admin.ts'
import { startTerminator, type Terminator } from './terminator.ts'

export interface Member {
  counters(): MemberCounters
  /** Drop the connections to all other members and let none in, or let them in again. */
  setCut(isCut: boolean): void
  stop(): Promise<void>
}

/**
 * Start a member. It has said `listening` and `ready` to its cluster when this resolves.
 * @throws whatever keeps it from starting; what was started is stopped again.
 */
export async function startMember(config: MemberConfig, tell: (message: FromMember) => void): Promise<Member> {
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart()
  }
  try {
    // Read while the node finds the others.
    const loadingPage = loadPage()
    loadingPage.catch(() => {})
    const node = await createNodeAt(config)
    stops.push(() => node.stop())
    const [listen = ''] = node.addresses
    tell({ type: 'listening', listen })
    await node.whenReady({ members: config.membersMin })

    const terminator = await startTerminator({ ...config, node, port: config.ports.tls })
    stops.push(terminator.close)
    const { incarnation } = node.status()
    let gateways: Gateways | undefined
    const admin = await startMemberAdmin({
      ...config,
      node,
      gateways: () => gateways?.figures() ?? {},
      terminator,
      page: await loadingPage,
      port: config.ports.admin,
    })
    // Closed last: while the node hands over what it holds, it says that it is not ready.
    stops.unshift(() => admin.close())
    const started = await startGateways(node, config)
    gateways = started
    stops.push(() => started.stop())
    const ports = { peer: tcpPort(listen), tls: terminator.port, admin: admin.port, ...portsOf(started) }
    tell({ type: 'ready', peerId: node.nodeId, incarnation, listen, ports })
    return {
      stop,
      counters: () => countersOf(node, terminator),
      setCut: (isCut) => node.setAllow(isCut ? [] : undefined),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Each at the port it had; all at others when one of those was taken meanwhile. */
async function startGateways(node: Node, { gateways, ports }: MemberConfig): Promise<Gateways> {
  const startAt = (portOf: (name: GatewayName) => number): Promise<Gateways> =>
    Gateways.start({ node, listen: new Map(gateways.map((name) => [name, `127.0.0.1:${portOf(name)}`])) })
  try {
    return await startAt((name) => ports[name] ?? 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    return await startAt(() => 0)
  }
}

function portsOf(gateways: Gateways): Partial<Record<GatewayName, number>> {
  const ports = GATEWAY_NAMES.map((name) => [name, gateways.port(name)] as const)
  return Object.fromEntries(ports.filter(([, port]) => port !== undefined))
}

function countersOf(node: Node, terminator: Terminator): MemberCounters {
  const { members, table } = node.status()
  return {
    handshakes: terminator.handshakes(),
    records: table.records,
    isReady: node.state === 'ready',
    connected: members.filter(({ connected }) => connected).length,
  }
}

/** A node at the port it had; at any other when somebody took that one meanwhile. */
async function createNodeAt(config: MemberConfig): Promise<Node> {
  const { name, cluster, secret, dataDir, join, ports, gateways } = config
  const options: NodeOptions = {
    name,
    cluster,
    dataDir,
    join,
    secret: Buffer.from(secret, 'base64url'),
    listen: [`/ip4/127.0.0.1/tcp/${ports.peer}`],
    // That gateway answers from what its node holds.
    ...(gateways.includes('sessiond') && { copies: 'all' as const }),
    // `whenReady` waits, for more than readiness.
    readyMs: 0,
    ...(process.env['REPRISE_DEBUG'] !== undefined && { logger: STDERR_LOGGER }),
  }
  try {
    return await createNode(options)
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'LISTEN'
    if (!isTaken || ports.peer === 0) throw error
    return await createNode({ ...options, listen: ['/ip4/127.0.0.1/tcp/0'] })
  }
}

/** What the node reports, for `--debug`. Nothing in it is secret. */
const STDERR_LOGGER: Logger = {
  debug: () => {},
  info: (message, fields) => console.error('info', message, JSON.stringify(fields)),
  warn: (message, fields) => console.error('warn', message, JSON.stringify(fields)),
  error: (message, fields) => console.error('error', message, JSON.stringify(fields)),
}

function tcpPort(address: string): number {
  return Number(/\/tcp\/(\d+)/.exec(address)?.[1] ?? 0)
}
