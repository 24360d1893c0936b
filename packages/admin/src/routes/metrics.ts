/** `GET /metrics`: the node, its process and what the program adds, for Prometheus. */
import type { AdminNode } from '../admin-node.ts'
import type { EventStream } from '../events/event-stream.ts'
import type { Feed } from '../events/feed.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Route } from '../http/router.ts'
import type { LoopDelay } from '../loop-delay.ts'
import { formatMetrics, METRICS_CONTENT_TYPE } from '../metrics/format.ts'
import { type GatewaysFigures, gatewayMetrics } from '../metrics/gateway-metrics.ts'
import { nodeMetrics } from '../metrics/node-metrics.ts'
import { processMetrics } from '../metrics/process-metrics.ts'
import type { AdminExtension } from '../options.ts'

export interface MetricsRoutesInit {
  readonly node: AdminNode
  readonly gateways: () => GatewaysFigures
  readonly extension: AdminExtension
  readonly loopDelay: LoopDelay
  readonly feed: Feed
  readonly stream: EventStream
  readonly version: string
}

export function metricsRoutes(init: MetricsRoutesInit): Route[] {
  const { node, gateways, extension, loopDelay, feed, stream, version } = init
  const answer = (exchange: Exchange): void => {
    const families = [
      ...nodeMetrics(node),
      ...gatewayMetrics(gateways()),
      ...processMetrics({ version, loopDelay, listeners: stream.listeners, suppressedEvents: feed.suppressed }),
      ...(extension.metrics?.() ?? []),
    ]
    exchange.sendText(200, formatMetrics(families), METRICS_CONTENT_TYPE)
  }
  return [{ method: 'GET', path: '/metrics', access: 'read', answer }]
}
