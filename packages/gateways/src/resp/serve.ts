/** The RESP gateway as a server. */
import { CONNECTIONS_MAX_DEFAULT } from '../constants.ts'
import { type GatewayServer, type GatewayServerOptions, serve } from '../server.ts'
import type { KeyValueStore } from '../store/key-value.ts'
import { RespGateway } from './gateway.ts'

export interface RespOptions extends GatewayServerOptions {
  /** What it serves: `createKeyValueStore`. It is not closed with the gateway. */
  readonly store: KeyValueStore
}

/**
 * Serve a store to clients of Redis, RESP2 and RESP3. `AUTH` takes the credentials, or their password alone.
 * @throws UsageError for options that would open the store to everybody, or the system's error.
 */
export function serveResp({ store, ...options }: RespOptions): Promise<GatewayServer> {
  const { credentials, logger, connectionsMax: clientsMax = CONNECTIONS_MAX_DEFAULT } = options
  const gateway = new RespGateway({ store, credentials, logger, clientsMax })
  return serve({ name: 'resp', options, open: () => gateway.open(), figures: () => gateway.figures() })
}
