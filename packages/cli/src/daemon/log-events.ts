/** The events of a node that it does not log itself, with ids of sessions as fingerprints. */
import { fingerprint } from '@reprise/admin'
import type { Logger, Node } from '@reprise/node'

export function logEvents(node: Node, logger: Logger): void {
  node.on('conflict', ({ id }) => {
    logger.warn('two nodes wrote a session without knowing of each other', { session: fingerprint(id) })
  })
  node.on('session:superseded', ({ id, by }) => logger.debug('session:superseded', { session: fingerprint(id), by }))
  node.on('session:evicted', ({ id }) => logger.debug('session:evicted', { session: fingerprint(id) }))
  node.on('portion:evicted', ({ id, portion }) => {
    logger.debug('portion:evicted', { session: fingerprint(id), portion })
  })
  node.on('gap', (gap) => logger.debug('gap', gap))
  node.on('repaired', (repaired) => logger.debug('repaired', repaired))
  node.on('shard:ready', ({ shard }) => logger.debug('shard:ready', { shard }))
  node.on('shard:left', ({ shard }) => logger.debug('shard:left', { shard }))
}
