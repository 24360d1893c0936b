/**
 * A running member of a Reprise cluster, and its public API.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { createNode } from '@reprise/node'
 *
 * const a = await createNode({ name: 'a' })
 * const b = await createNode({ name: 'b', join: a.addresses })
 *
 * const session = await a.create('cart-17', { idleMs: 60_000 })
 * session.set('purchase', { items: ['tea'] })
 * await session.commit({ copies: 1 })
 *
 * const again = await b.resume('cart-17')
 * console.log(again.outcome, again.get('purchase')) // complete { items: [ 'tea' ] }
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
export type { Logger, NetworkStats } from '@reprise/p2p'
export { generateIdentity } from '@reprise/p2p'
export type { NodeEvents, NodeStatus } from './node.ts'
export { createNode, Node } from './node.ts'
export type { NodeOptions } from './options.ts'
