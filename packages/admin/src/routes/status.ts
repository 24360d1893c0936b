/** `GET /status`: the node, its counters and its process, as JSON. */
import type { Route } from '../http/router.ts'
import type { StatusSource } from '../status.ts'

export function statusRoutes(status: StatusSource): Route[] {
  return [
    {
      method: 'GET',
      path: '/status',
      access: 'read',
      answer: (exchange) => exchange.sendJson(200, status.document()),
    },
  ]
}
