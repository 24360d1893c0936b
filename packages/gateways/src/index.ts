/**
 * Gateways: the sessions of a cluster over the protocols that others speak.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { createKeyValueStore, serveMemcached } from '@reprise/gateways'
 * import { createNode } from '@reprise/node'
 *
 * const a = await createNode({ name: 'a' })
 * const b = await createNode({ name: 'b', join: a.addresses })
 * const store = createKeyValueStore({ node: a })
 * const gateway = await serveMemcached({ store, listen: '127.0.0.1:0' })
 *
 * await store.set(Buffer.from('greeting'), { value: Buffer.from('hello'), expiry: { afterMs: 60_000 } })
 * const found = await createKeyValueStore({ node: b, readDeadlineMs: 1_000 }).get(Buffer.from('greeting'))
 * console.log(Buffer.from(found.value).toString(), Math.round(found.ttlMs / 1_000)) // hello 60
 * await gateway.stop()
 * await Promise.all([a.stop(), b.stop()])
 * ```
 */

export type { Credentials } from './credentials.ts'
export type { GatewayFailure } from './errors.ts'
export { GatewayError, KeyError, KeyRefusedError, StoreUnavailableError, ValueTooLargeError } from './errors.ts'
export type { ConnectionFigures, GatewayFigures } from './figures.ts'
export type { ListenAddress, TcpAddress } from './listen-address.ts'
export { parseListenAddress, showListenAddress } from './listen-address.ts'
export type { MemcachedOptions } from './memcached/gateway.ts'
export { serveMemcached } from './memcached/gateway.ts'
export type { RespOptions } from './resp/serve.ts'
export { serveResp } from './resp/serve.ts'
export type { GatewayServer, GatewayServerOptions } from './server.ts'
export type { SessiondGateway, SessiondOptions, SessiondStats } from './sessiond/gateway.ts'
export { serveSessiond } from './sessiond/gateway.ts'
export type { ClusterStore, LocalKeyValueStore } from './store/cluster-store.ts'
export { createKeyValueStore } from './store/cluster-store.ts'
export type {
  Answer,
  Change,
  Decision,
  Entry,
  Expiry,
  KeyValueLimits,
  KeyValueStore,
  Mark,
  Page,
  Write,
} from './store/key-value.ts'
export { add, append, compareAndSet, expire, prepend, replace } from './store/operations.ts'
export type { KeyValueNode, KeyValueOptions } from './store/options.ts'
export type { KeyValueStats } from './store/stats.ts'
