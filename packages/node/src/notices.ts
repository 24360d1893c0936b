/** What the core notices, as the events of a node and lines of its log. */
import type { Notice } from '@reprise/core'
import { keyBytes } from '@reprise/core'
import type { Logger } from '@reprise/p2p'
import type { NodeEvents } from './events.ts'

/** Emits an event. */
export type Tell = <Name extends keyof NodeEvents>(name: Name, ...args: NodeEvents[Name]) => void

export function tellNotice(notice: Notice, tell: Tell, logger: Logger | undefined): void {
  switch (notice.type) {
    case 'member:up':
    case 'member:leaving':
    case 'member:suspect':
      logger?.info(notice.type, { nodeId: notice.node, name: notice.name })
      tell(notice.type, { nodeId: notice.node, name: notice.name })
      return
    case 'member:down':
      logger?.info(notice.type, { nodeId: notice.node, name: notice.name, reason: notice.state })
      tell(notice.type, { nodeId: notice.node, name: notice.name, reason: notice.state })
      return
    case 'session:superseded':
      tell(notice.type, { id: keyBytes(notice.key), by: notice.by })
      return
    case 'portion:evicted':
      tell(notice.type, { id: keyBytes(notice.key), portion: notice.portion })
      return
    case 'session:evicted':
    case 'conflict':
      tell(notice.type, { id: keyBytes(notice.key) })
      return
    case 'gap':
      tell('gap', { sender: notice.sender, shard: notice.shard, missing: notice.missing })
      return
    case 'repaired':
      tell('repaired', { sender: notice.sender, shard: notice.shard, frames: notice.frames })
      return
    case 'gone':
      logger?.warn('frames are gone, syncing the shard', { sender: notice.sender, shard: notice.shard })
      return
    case 'ejected':
      logger?.warn('a holder is too far behind, it has to sync', { nodeId: notice.node, shards: notice.shards })
      return
    case 'shard:ready':
    case 'shard:left':
      tell(notice.type, { shard: notice.shard })
      return
    case 'members:missing':
      logger?.warn('starts without members of an earlier life', { nodeIds: notice.nodes })
      tell('members:missing', { nodeIds: notice.nodes })
      return
    case 'handover:incomplete':
      logger?.warn('stops before others have all that it holds', { shards: notice.shards.length })
      tell('handover:incomplete', { shards: notice.shards })
      return
    case 'bad-message':
      logger?.warn('dropped a message that is not valid', { from: notice.from, error: notice.error.message })
  }
}
