/** The gateway for memcached's clients: its conversations, and the server around them. */
import type { GatewayServer, GatewayServerOptions } from '../server.ts'
import { serve } from '../server.ts'
import type { KeyValueStore } from '../store/key-value.ts'
import type { MemcachedShared } from './conversation.ts'
import { MemcachedConversation } from './conversation.ts'
import { Counters } from './counters.ts'
import { FlushTimer } from './flush-timer.ts'
import { Uses } from './uses.ts'

export interface MemcachedOptions extends GatewayServerOptions {
  /** Shared by all gateways of a node. */
  readonly store: KeyValueStore
}

/** Serve the text protocol of memcached. @throws UsageError, or the system's error when it cannot listen. */
export async function serveMemcached(options: MemcachedOptions): Promise<GatewayServer> {
  const { store, credentials, logger } = options
  const flush = (): void => {
    // Nobody waits for it; a node that stops has nothing to flush.
    void store.flush().catch((error: unknown) => logger?.warn('memcached: could not flush', { error: String(error) }))
  }
  const flushTimer = new FlushTimer(flush)
  const shared: MemcachedShared = {
    store,
    counters: new Counters(),
    uses: new Uses(),
    flushTimer,
    credentials,
    logger,
  }
  return await serve({
    name: 'memcached',
    options,
    open: () => new MemcachedConversation(shared),
    figures: () => shared.counters.figures(),
    onStop: () => flushTimer.stop(),
  })
}
