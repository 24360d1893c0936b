/**
 * The node behind the demo's page: whichever member can be asked. A page that a member serves dies with it, and members die
 * here all the time.
 *
 * ```
 *  the page ◄── admin server ◄── StandIn ◄── /events of node-2      it is up
 *                                   ╎
 *                                   └╌╌╌╌╌╌╌ /events of node-3      node-2 died, froze, was cut off
 * ```
 *
 * What was heard last stays until another member is heard, so there is no gap. Events are told once: of a member that is looked
 * at from now on, those that happened since the one before was heard last.
 */
import { EventEmitter } from 'node:events'
import type { AdminNode, ProcessFacts } from '@reprise/admin'
import { UsageError } from '@reprise/core'
import { NODE_EVENTS, type Node, type NodeEvents, type NodeState, type NodeStats, type NodeStatus } from '@reprise/node'
import { adminUrl } from '../cluster/addresses.ts'
import type { LocalCluster, MemberView } from '../cluster/local-cluster.ts'
import { ask } from '../inquiry/admin-client.ts'
import { pause } from '../interruption.ts'
import { CHECK_GRACE_MS, VIEW_RETRY_MS, VIEW_SILENCE_MS } from './constants.ts'
import { type ServerEvent, serverEvents } from './event-stream.ts'

/** What a member tells once a second: its status, but for addresses. */
interface Snapshot extends ProcessFacts {
  readonly state: NodeState
  readonly node: NodeStatus
  readonly stats: NodeStats
}

/** What a member tells when something happened. */
interface Happening {
  readonly atMs: number
  readonly fields: object
}

export class StandIn extends EventEmitter<NodeEvents> implements AdminNode, AsyncDisposable {
  readonly #cluster: LocalCluster
  readonly #aborter = new AbortController()
  readonly #following: Promise<void>
  readonly #seen = Promise.withResolvers<void>()
  #snapshot: Snapshot | undefined
  /** The member that is looked at. */
  #viewed: MemberView | undefined
  /** Ends the look at it. */
  #leave = new AbortController()
  /** When it, or the one before, was heard last. */
  #heardMs = Date.now()

  constructor(cluster: LocalCluster) {
    super()
    this.#cluster = cluster
    cluster.on('changed', this.#onChanged)
    this.#following = this.#follow()
  }

  /** Resolves when a member was heard: before, nothing is known. */
  get seen(): Promise<void> {
    return this.#seen.promise
  }

  get nodeId(): Node['nodeId'] {
    return this.#known.node.nodeId
  }

  get state(): NodeState {
    return this.#known.state
  }

  status(): NodeStatus {
    return { ...this.#known.node, addresses: [] }
  }

  stats(): NodeStats {
    return this.#known.stats
  }

  processFacts(): ProcessFacts {
    const { pid, uptimeMs, process } = this.#known
    return { pid, uptimeMs, process }
  }

  /** As the member that is looked at answers. @throws NoAnswerError when it does not. */
  async check({ deadlineMs }: { readonly deadlineMs: number }): Promise<object> {
    const member = this.#viewed ?? this.#next()
    const endpoint = { name: member?.name ?? 'no node', url: adminUrl(member?.info?.ports.admin) }
    return await ask(endpoint, { path: `/check?deadlineMs=${deadlineMs}`, patienceMs: deadlineMs + CHECK_GRACE_MS })
  }

  async create(): Promise<never> {
    throw noSessions()
  }

  async resume(): Promise<never> {
    throw noSessions()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cluster.off('changed', this.#onChanged)
    this.#aborter.abort()
    await this.#following
  }

  get #known(): Snapshot {
    if (this.#snapshot === undefined) throw new Error('no node was heard yet')
    return this.#snapshot
  }

  async #follow(): Promise<void> {
    const { signal } = this.#aborter
    while (!signal.aborted) {
      const member = this.#next()
      if (member !== undefined) await this.#look(member)
      else await pause(VIEW_RETRY_MS, signal)
    }
  }

  /** Look at a member until it goes. Never rejects. */
  async #look(member: MemberView): Promise<void> {
    this.#viewed = member
    this.#leave = new AbortController()
    const signal = AbortSignal.any([this.#aborter.signal, this.#leave.signal])
    // A stream begins with what happened before.
    let toldUntilMs = this.#heardMs
    try {
      const url = adminUrl(member.info?.ports.admin)
      for await (const event of serverEvents({ url, silenceMs: VIEW_SILENCE_MS, signal })) {
        this.#hear(event, toldUntilMs)
        if (event.type === 'snapshot') toldUntilMs = 0
      }
    } catch {
      // It died, is silent, or is not to be looked at any more: the next one is.
    }
    this.#viewed = undefined
    // Not at once, in case all of them are like that.
    await pause(VIEW_RETRY_MS, this.#aborter.signal)
  }

  #hear({ type, data }: ServerEvent, toldUntilMs: number): void {
    if (type === 'snapshot') {
      this.#snapshot = data as Snapshot
      this.#heardMs = Date.now()
      this.#seen.resolve()
      return
    }
    const { atMs, fields } = data as Happening
    const name = NODE_EVENTS.find((known) => known === type)
    // What the member made of the event's one argument: the same, but for ids of sessions, which stay fingerprints.
    if (name !== undefined && atMs > toldUntilMs) this.emit(name, fields as never)
  }

  /** The one to look at: it is up, and not the one that was looked at before, unless there is no other. */
  #next(): MemberView | undefined {
    const up = this.#cluster.members.filter(({ state }) => state === 'up')
    return up.find(({ pid }) => pid !== this.#snapshot?.pid) ?? up[0]
  }

  readonly #onChanged = ({ name, state }: MemberView): void => {
    if (name === this.#viewed?.name && state !== 'up') this.#leave.abort()
  }
}

function noSessions(): UsageError {
  return new UsageError('the page of the demo knows no sessions; ask a node, as reprise session does')
}
