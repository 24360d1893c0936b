/** What the admin server needs of a node: a part of it, so that a libp2p service and a test's node serve as well. */
import type { EventEmitter } from 'node:events'
import type { Node, NodeEvents } from '@reprise/node'

/** A node, or a session cache of a libp2p node. */
export interface AdminNode
  extends Pick<Node, 'nodeId' | 'state' | 'status' | 'stats' | 'create' | 'resume'>,
    Pick<EventEmitter<NodeEvents>, 'on' | 'off'> {
  /** Compare what the holders of each shard have. A node that cannot has no `/check`. */
  check?(options: { readonly deadlineMs: number; readonly signal: AbortSignal }): Promise<object>
}
