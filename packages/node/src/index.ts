/**
 * A running member of a Reprise cluster, and its public API.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { createNode, purchase } from '@reprise/node'
 *
 * const a = await createNode({ name: 'a' })
 * const b = await createNode({ name: 'b', join: a.addresses })
 *
 * const session = await a.create('cart-17', { idleMs: 60_000 })
 * session.set('theme', { dark: true })
 * session.set(purchase, { items: [{ sku: 'tea', quantity: 2, price: { amount: 450, currency: 'EUR' } }] })
 * await session.commit({ copies: 1 })
 *
 * const again = await b.resume('cart-17')
 * console.log(again.outcome, again.get('theme')) // complete { dark: true }
 * console.log(again.get(purchase).items[0].quantity) // 2
 * await Promise.all([a.stop(), b.stop()])
 * ```
 */
export type * from '@reprise/core'
export {
  AlreadyExistsError,
  CopiesError,
  DroppedError,
  ExpiredError,
  LimitError,
  RepriseError,
  SealError,
  StoppedError,
  UnavailableError,
  UsageError,
  WireError,
} from '@reprise/core'
export type { HostComponents, Logger, NetworkStats } from '@reprise/p2p'
export { generateIdentity } from '@reprise/p2p'
export type { CheckOptions } from './check.ts'
export { createNode } from './create-node.ts'
export { initDataDir } from './data-dir.ts'
export type { PortionFailure, PortionMismatch, RepositoryFailure } from './errors.ts'
export { PortionError, RepositoryError } from './errors.ts'
export type { NodeEvents } from './events.ts'
export { NODE_EVENTS } from './events.ts'
export type { NodeState, NodeStatus } from './node.ts'
export { Node } from './node.ts'
export type { NodeOptions } from './options.ts'
export type { Auth } from './portions/auth.ts'
export { auth } from './portions/auth.ts'
export type { PortionDefinition, ValueOf } from './portions/define.ts'
export { definePortion } from './portions/define.ts'
export type { BillingAddress, Money, Purchase, PurchaseItem, Transaction } from './portions/purchase.ts'
export { purchase } from './portions/purchase.ts'
export { sequenceAfter, sequenceDistance } from './portions/sequence.ts'
export * as shape from './portions/shape.ts'
export type { StandardIssue, StandardResult, StandardSchema } from './portions/standard-schema.ts'
export type { TlsSession } from './portions/tls-session.ts'
export { tlsSession } from './portions/tls-session.ts'
export type { Endpoint, SegmentHeader, Transport } from './portions/transport.ts'
export { transport } from './portions/transport.ts'
export type { RepositoryStatus } from './repository/keeper.ts'
export type { SessionFacts } from './session.ts'
export { commitNow, inspectSession, recordMark } from './session.ts'
export type { SessionCacheOptions } from './session-cache.ts'
export { SessionCache, sessionCache } from './session-cache.ts'
export type { LatencyHistogram, NodeStats } from './stats.ts'
