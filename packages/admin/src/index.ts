/**
 * A node in operation: its health, status, metrics, events and sessions over HTTP, a watchdog, and an orderly end on signals. Read on in
 * `admin.ts`, then `http/server.ts`.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { startAdmin } from '@reprise/admin'
 * import { createNode } from '@reprise/node'
 *
 * const node = await createNode({ name: 'web-1' })
 * const admin = await startAdmin({ node })
 *
 * const ready = await fetch(`${admin.url}/readyz?verbose`)
 * console.log(ready.status, await ready.text()) // 200 [+]joined ok ...
 * const metrics = await (await fetch(`${admin.url}/metrics`)).text()
 * console.log(metrics.includes('reprise_node_state{state="ready"} 1')) // true
 *
 * await node.stop()
 * await admin.close()
 * ```
 */
export type { Admin } from './admin.ts'
export { startAdmin } from './admin.ts'
export type { AdminNode, ProcessFacts } from './admin-node.ts'
export type { EndOptions, EndSignal, SignalEnd } from './end-on-signals.ts'
export { endOnSignals } from './end-on-signals.ts'
export { fingerprint } from './fingerprint.ts'
export type { HistogramSample, Labels, MetricFamily, Sample } from './metrics/format.ts'
export type { GatewayFigures, GatewaysFigures } from './metrics/gateway-metrics.ts'
export type { AdminControl, AdminExtension, AdminOptions, Asset, JsonObject, Page } from './options.ts'
export type { Watchdog, WatchdogOptions } from './watchdog.ts'
export { startWatchdog } from './watchdog.ts'
