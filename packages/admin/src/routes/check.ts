/** `GET /check`: every shard's ready holders and what they hold, compared. */
import type { AdminNode } from '../admin-node.ts'
import { CHECK_DEADLINE_MS_DEFAULT, DEADLINE_MS_MAX } from '../constants.ts'
import { RequestError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Route } from '../http/router.ts'

export function checkRoutes(node: AdminNode): Route[] {
  return [{ method: 'GET', path: '/check', access: 'read', answer: (exchange) => answerCheck(node, exchange) }]
}

async function answerCheck(node: AdminNode, exchange: Exchange): Promise<void> {
  if (node.check === undefined) throw new RequestError(501, 'NOT_SUPPORTED', 'this node cannot check', 'see /status')
  const deadlineMs = exchange.number('deadlineMs', {
    min: 1,
    max: DEADLINE_MS_MAX,
    fallback: CHECK_DEADLINE_MS_DEFAULT,
  })
  const report = await node.check({ deadlineMs, signal: exchange.signal })
  // 200 whatever the verdict is: the check itself succeeded.
  exchange.sendJson(200, { schemaVersion: 1, ...report })
}
