/**
 * Health, for orchestrators and load balancers: `/livez` and `/readyz`.
 *
 * Alive is a matter of this process alone: to restart it because its peers are down would make things worse. Ready says whether to
 * send clients here: everything that this node shall hold is here, and it is not about to go.
 */
import type { NodeState } from '@reprise/node'
import type { AdminNode } from '../admin-node.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Route } from '../http/router.ts'

export interface ProbeRoutesInit {
  readonly node: AdminNode
  /** Whether the program says that it will go, before the node does. */
  isDraining(): boolean
}

export function probeRoutes(init: ProbeRoutesInit): Route[] {
  const livez = (exchange: Exchange): void => exchange.sendText(200, 'ok\n')
  const readyz = (exchange: Exchange): void => answerReadyz(init, exchange)
  return [
    { method: 'GET', path: '/livez', access: 'probe', answer: livez },
    { method: 'GET', path: '/healthz', access: 'probe', answer: livez },
    { method: 'GET', path: '/readyz', access: 'probe', answer: readyz },
  ]
}

function answerReadyz({ node, isDraining }: ProbeRoutesInit, exchange: Exchange): void {
  const state = isDraining() && node.state !== 'stopped' ? 'draining' : node.state
  const isReady = state === 'ready'
  if (!exchange.query.has('verbose')) return exchange.sendText(isReady ? 200 : 503, isReady ? 'ok\n' : 'not ready\n')
  const lines = reasons(node, state).map(({ isMet, text }) => `[${isMet ? '+' : '-'}]${text}\n`)
  exchange.sendText(isReady ? 200 : 503, lines.join(''))
}

interface Reason {
  readonly isMet: boolean
  readonly text: string
}

/** What being ready is made of. */
function reasons(node: AdminNode, state: NodeState): Reason[] {
  if (state === 'stopped') return [{ isMet: false, text: 'stopped' }]
  const { shards, ready } = node.status()
  const joining = shards.filter((shard) => shard.state === 'joining').length
  const hasJoined = ready || shards.some((shard) => shard.state === 'ready')
  const isStaying = state !== 'draining'
  return [
    { isMet: hasJoined, text: hasJoined ? 'joined ok' : 'not joined: members are missing that it was told of' },
    { isMet: joining === 0, text: joining === 0 ? 'shards ok' : `shards ${joining} of ${shards.length} not ready` },
    { isMet: isStaying, text: isStaying ? 'not draining ok' : 'draining' },
  ]
}
