/** What a node tells of itself in one JSON document: for `/status`, and once a second for those who listen to its events. */
import type { AdminNode, ProcessFacts } from './admin-node.ts'
import type { Feed } from './events/feed.ts'
import type { LoopDelay } from './loop-delay.ts'
import type { GatewaysFigures } from './metrics/gateway-metrics.ts'
import type { AdminExtension } from './options.ts'

export interface StatusSourceInit {
  readonly node: AdminNode
  readonly name: string | undefined
  readonly version: string
  readonly gateways: () => GatewaysFigures
  readonly extension: AdminExtension
  readonly loopDelay: LoopDelay
  readonly feed: Feed
}

export class StatusSource {
  readonly #init: StatusSourceInit

  constructor(init: StatusSourceInit) {
    this.#init = init
  }

  /** The document of `/status`. @throws what the node or the extension throws. */
  document(): object {
    const { node, gateways, extension, version, loopDelay, feed } = this.#init
    const status = node.status()
    const figures = gateways()
    return {
      // What a program adds cannot stand for what the node says.
      ...extension.status?.(),
      schemaVersion: 1,
      name: this.#init.name ?? status.name,
      version,
      state: node.state,
      node: status,
      stats: node.stats(),
      ...(Object.keys(figures).length > 0 && { gateways: figures }),
      events: { lastId: feed.lastId, suppressed: feed.suppressed },
      ...(node.processFacts?.() ?? ownFacts(loopDelay)),
    }
  }

  /** The same without addresses, which a page that shows it has no use for. */
  snapshot(): string {
    return JSON.stringify(this.document(), (key, value) =>
      key === 'addresses' || key === 'address' ? undefined : value,
    )
  }
}

function ownFacts(loopDelay: LoopDelay): ProcessFacts {
  const { rss, heapUsed } = process.memoryUsage()
  return {
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1_000),
    process: { rssBytes: rss, heapUsedBytes: heapUsed, eventLoopDelayMs: loopDelay.figures() },
  }
}
