/** `GET /events`: what happens at this node, as it happens. */
import type { EventStream } from '../events/event-stream.ts'
import type { Route } from '../http/router.ts'

export function eventRoutes(stream: EventStream): Route[] {
  return [{ method: 'GET', path: '/events', access: 'read', answer: (exchange) => stream.add(exchange) }]
}
