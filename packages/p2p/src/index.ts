/**
 * The network of Reprise on libp2p: frames by gossipsub topic, messages by lane, and everybody kept connected.
 *
 * @packageDocumentation
 *
 * @example
 *
 * ```ts
 * import { createNetwork, type NetworkEvents } from '@reprise/p2p'
 *
 * const log = (...what: unknown[]): void => console.log(...what)
 * const events = (name: string): NetworkEvents => ({
 *   onPeerUp: peer => log(name, 'is connected with', peer),
 *   onPeerDown: peer => log(name, 'lost', peer),
 *   onSubscriber: (peer, shard) => {
 *     log(name, 'reaches', peer, 'with shard', shard)
 *     if (name === 'a') a.publish(shard, Buffer.from('a frame for all'))
 *   },
 *   onFrame: (from, shard, frame) => {
 *     log(name, 'received', Buffer.from(frame).toString(), 'for shard', shard)
 *     b.send(from, 'control', Buffer.from('a message for one'))
 *   },
 *   onMessage: (from, lane, message) => log(name, 'received', Buffer.from(message).toString(), 'on', lane),
 * })
 *
 * const secret = 'sixteen random bytes or more'
 * const a = await createNetwork({ shardCount: 64, secret })
 * await a.start(events('a'))
 *
 * const b = await createNetwork({ shardCount: 64, secret, join: [...a.addresses] })
 * b.subscribe(7)
 * await b.start(events('b'))
 * ```
 */

export { type AttachInit, asService, attachNetwork, type HostComponents } from './attach-network.ts'
export type { CarrierCounters } from './carrier.ts'
export { JOIN_PORT_DEFAULT, NETWORK_LIMITS, type NetworkLimits } from './constants.ts'
export { createNetwork, type Libp2pNetwork, type NetworkInit } from './create-network.ts'
export { CutError, type CutReason, ListenError, MismatchError, type MismatchReason } from './errors.ts'
export { generateIdentity, type Identity, nodeIdOf } from './identity.ts'
export type { LinkStats } from './links.ts'
export type { Logger } from './logger.ts'
export type { Lane, Network, NetworkEvents } from './network.ts'
export type { NetworkCounters, NetworkStats, PeerStats } from './stats.ts'
