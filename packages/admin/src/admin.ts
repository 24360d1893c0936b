/**
 * The admin server of a node: its parts put together, started, and taken apart in reverse.
 */
import { readFileSync } from 'node:fs'
import { EventStream } from './events/event-stream.ts'
import { Feed } from './events/feed.ts'
import { AccessRules } from './http/access.ts'
import { type Route, Router } from './http/router.ts'
import { HttpServer } from './http/server.ts'
import { LoopDelay } from './loop-delay.ts'
import type { AdminOptions } from './options.ts'
import { assertOptions } from './options.ts'
import { checkRoutes } from './routes/check.ts'
import { controlRoutes } from './routes/controls.ts'
import { eventRoutes } from './routes/events.ts'
import { fileRoutes } from './routes/files.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { probeRoutes } from './routes/probes.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { statusRoutes } from './routes/status.ts'
import { StatusSource } from './status.ts'

/** A running admin server. */
export interface Admin {
  /** Such as `http://127.0.0.1:4750`, without a slash at the end. */
  readonly url: string
  readonly port: number
  /** From now on `/readyz` says 503, whatever the node says: the process will end. */
  drain(): void
  /** Ends all connections, event streams included. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Serve a node's health, status, metrics and events, and with a token its sessions, over HTTP. The node stays the caller's to
 * stop; close the server after it, so that it tells until the end.
 *
 * @throws UsageError for options that can never work, and for an address that is not loopback without a token; the system's
 * error (`EADDRINUSE`) when it cannot listen.
 */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  assertOptions(options)
  const { node, host = '127.0.0.1', port = 0, token, extension = {}, page, logger, gateways = NO_GATEWAYS } = options
  const loopDelay = new LoopDelay()
  const feed = new Feed(node)
  const status = new StatusSource({ node, name: options.name, version: VERSION, gateways, extension, loopDelay, feed })
  const stream = new EventStream({ feed, snapshot: () => status.snapshot(), logger })
  let isDraining = false
  const routes: readonly Route[] = [
    ...probeRoutes({ node, isDraining: () => isDraining }),
    ...statusRoutes(status),
    ...metricsRoutes({ node, gateways, extension, loopDelay, feed, stream, version: VERSION }),
    ...checkRoutes(node),
    ...eventRoutes(stream),
    ...sessionRoutes({ node, logger }),
    ...controlRoutes({ extension, logger }),
    ...fileRoutes({ extension, page }),
  ]
  const server = new HttpServer({ access: new AccessRules(host, token), router: new Router(routes), logger })
  const close = async (): Promise<void> => {
    await server.close()
    for (const part of [stream, feed, loopDelay]) part[Symbol.dispose]()
  }
  const listeningPort = await server.listen(port, host).catch(async (error: unknown) => {
    await close()
    throw error
  })
  const url = `http://${inUrl(host)}:${listeningPort}`
  logger?.info('admin server listens', { url })
  return {
    url,
    port: listeningPort,
    drain: () => {
      isDraining = true
    },
    close,
  }
}

function inUrl(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

const NO_GATEWAYS = () => ({})

const { version: VERSION } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}
