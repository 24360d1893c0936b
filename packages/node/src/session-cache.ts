/**
 * A node as a service of a libp2p node that is there already: the same sessions, on the connections of the host.
 *
 * libp2p makes services, starts and stops them. So this is a shell around a node that is made anew at each start: before
 * it and after the stop there is none, and every call says so. What the host has decided (identity, addresses, encryption, who may
 * connect) is no option here. The service comes with a gossipsub of its own; the host needs none.
 */
import { EventEmitter } from 'node:events'
import type {
  CreateOptions,
  NodeId,
  PortionCodec,
  Resumed,
  ResumeOptions,
  Session,
  SessionIdInput,
  SessionSource,
} from '@reprise/core'
import { FRAME_ID_BYTES, SHARD_COUNT, StoppedError, UsageError } from '@reprise/core'
import { asService, attachNetwork, type HostComponents } from '@reprise/p2p'
import { createClock } from './clock.ts'
import { nodeOn } from './create-node.ts'
import { NODE_EVENTS, type NodeEvents } from './events.ts'
import type { Node, NodeState, NodeStatus } from './node.ts'
import { type NodeOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import type { NodeStats } from './stats.ts'

/** As of a node, but for what its host decides. */
export interface SessionCacheOptions
  extends Omit<NodeOptions, 'dataDir' | 'listen' | 'announce' | 'secret' | 'allow' | 'readyMs' | 'encryption'> {
  /**
   * Ids of the peers that may be members. `'everybody'` is whoever the host lets connect: right where that is decided already, by
   * a pre-shared key or a connection gater. There is no default, because members see every session.
   */
  readonly allow: readonly string[] | 'everybody'
}

/**
 * A service for `createLibp2p`: sessions that live across the libp2p nodes that have it. Needs `identify`.
 *
 * @example
 * ```js
 * const libp2p = await createLibp2p({
 *   ...yours,
 *   services: { ...yours.services, identify: identify(), sessions: sessionCache({ allow: peerIds, join: addresses }) },
 * })
 * const { sessions } = libp2p.services
 * await sessions.whenReady({ members: 3 })
 * const session = await sessions.create('cart-17')
 * ```
 *
 * @throws UsageError for options that can never work.
 */
export function sessionCache(options: SessionCacheOptions): (components: HostComponents) => SessionCache {
  const { allow, ...rest } = options
  if (allow !== 'everybody' && !Array.isArray(allow)) {
    throw new UsageError("allow: the ids of the peers that may be members, or 'everybody' whom the host lets connect")
  }
  const hosts = HOST_OPTIONS.find((name) => name in options)
  if (hosts !== undefined) throw new UsageError(`${hosts} is for the libp2p node to decide, not for a service of it`)
  const resolved = resolveOptions(allow === 'everybody' ? rest : { ...rest, allow })
  return (components) => asService(new SessionCache(components, resolved), '@reprise/session-cache')
}

/** The sessions of a cluster, as a libp2p service. Made by `sessionCache`. */
export class SessionCache extends EventEmitter<NodeEvents> implements SessionSource {
  readonly [Symbol.toStringTag] = '@reprise/session-cache'
  readonly #components: HostComponents
  readonly #options: ResolvedOptions
  #node: Node | undefined

  /**
   * Use `sessionCache`.
   * @internal
   */
  constructor(components: HostComponents, options: ResolvedOptions) {
    super()
    this.#components = components
    this.#options = options
  }

  /** The host's peer id. */
  get nodeId(): NodeId {
    return this.#components.peerId.toString()
  }

  /** See `Node.isReady`. False while the host does not run. */
  get isReady(): boolean {
    return this.#node?.isReady ?? false
  }

  /** See `Node.state`. `stopped` while the host does not run. */
  get state(): NodeState {
    return this.#node?.state ?? 'stopped'
  }

  /** See `Node.create`. @throws StoppedError while the host does not run. */
  async create(id: SessionIdInput, options?: CreateOptions): Promise<Session> {
    return await this.#running().create(id, options)
  }

  /** See `Node.createNow`. @throws StoppedError while the host does not run. */
  createNow(id: SessionIdInput, options?: CreateOptions): Session | Promise<Session> {
    return this.#running().createNow(id, options)
  }

  /** See `Node.resume`. @throws StoppedError while the host does not run. */
  async resume(id: SessionIdInput, options?: ResumeOptions): Promise<Resumed> {
    return await this.#running().resume(id, options)
  }

  /** See `Node.local`. @throws StoppedError while the host does not run. */
  local(
    id: SessionIdInput,
    portions?: readonly (string | PortionCodec<unknown>)[],
    options?: Pick<ResumeOptions, 'maxAgeMs'>,
  ): Session | undefined {
    return this.#running().local(id, portions, options)
  }

  /** See `Node.heldIds`. @throws StoppedError while the host does not run. */
  heldIds(bucket: number): readonly Uint8Array[] {
    return this.#running().heldIds(bucket)
  }

  /** See `Node.aliveMembers`. None while the host does not run. */
  aliveMembers(): readonly string[] {
    return this.#node?.aliveMembers() ?? []
  }

  /** See `Node.status`. @throws StoppedError while the host does not run. */
  status(): NodeStatus {
    return this.#running().status()
  }

  /** See `Node.stats`. They begin anew with each start. @throws StoppedError while the host does not run. */
  stats(): NodeStats {
    return this.#running().stats()
  }

  /** See `Node.whenReady`. @throws StoppedError while the host does not run. */
  async whenReady(options?: { readonly members?: number; readonly signal?: AbortSignal }): Promise<void> {
    await this.#running().whenReady(options)
  }

  /** Replace the list of peers that may be members; who is not on it is one no more, and stays connected. */
  setAllow(allow: readonly string[] | 'everybody'): void {
    this.#running().setAllow(allow === 'everybody' ? undefined : allow)
  }

  /** Called by libp2p, before it listens. */
  async start(): Promise<void> {
    if (this.#node !== undefined) return
    const { cluster, join, allow, carrier, logger } = this.#options
    const network = await attachNetwork(this.#components, {
      shardCount: SHARD_COUNT,
      clusterName: cluster,
      join,
      allow,
      carrier,
      frameId: (frame) => frame.subarray(0, FRAME_ID_BYTES),
      logger,
      onAddresses: () => this.#node?.refreshAddresses(),
    })
    const node = await nodeOn(network, this.#options, createClock(), undefined)
    this.#node = node
    for (const name of NODE_EVENTS) {
      // The same arguments for the same name, which the types of emitters cannot say of a name that varies.
      node.on(name, (...args: unknown[]) => void this.emit(name, ...(args as never)))
    }
    await node.start()
  }

  /** Called by libp2p while everybody is still connected: hand over what is pending, and say goodbye. */
  async beforeStop(): Promise<void> {
    await this.#node?.stop()
  }

  /** Called by libp2p. Safe twice, and without `beforeStop`. */
  async stop(): Promise<void> {
    await this.#node?.stop()
    this.#node = undefined
  }

  #running(): Node {
    if (this.#node === undefined) throw new StoppedError('the libp2p node')
    return this.#node
  }
}

const HOST_OPTIONS = [
  'dataDir',
  'listen',
  'announce',
  'secret',
  'readyMs',
  'encryption',
] as const satisfies readonly (keyof NodeOptions)[]
