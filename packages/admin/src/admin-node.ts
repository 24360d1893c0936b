/** What the admin server needs of a node: a part of it, so that a libp2p service and a test's node serve as well. */
import type { EventEmitter } from 'node:events'
import type { Node, NodeEvents } from '@reprise/node'
import type { LoopDelayFigures } from './loop-delay.ts'

/** What a node's process tells of itself in the status. */
export interface ProcessFacts {
  readonly pid: number
  readonly uptimeMs: number
  readonly process: {
    readonly rssBytes: number
    readonly heapUsedBytes: number
    readonly eventLoopDelayMs: LoopDelayFigures
  }
}

/** A node, or a session cache of a libp2p node. */
export interface AdminNode
  extends Pick<Node, 'nodeId' | 'state' | 'status' | 'stats' | 'create' | 'resume'>,
    Pick<EventEmitter<NodeEvents>, 'on' | 'off'> {
  /** Compare what the holders of each shard have. A node that cannot has no `/check`. */
  check?(options: { readonly deadlineMs: number; readonly signal: AbortSignal }): Promise<object>
  /** For a node that runs in another process, as the one behind the demo's page does. Default: those of this process. */
  processFacts?(): ProcessFacts
}
