/** What happened, the newest first. */
import { formatTime } from '../format.ts'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { feed, snapshot } from '../live.ts'
import type { FeedEvent } from '../snapshot.ts'

export function Feed(): Markup {
  const events = feed.value
  return html`
    <section class="feed">
      <h2>Events</h2>
      ${events.length === 0 && html`<p class="empty">Nothing happened since this page was opened.</p>`}
      <ol>
        ${events.map(
          (event) => html`
            <li key=${event.id}>
              <time>${formatTime(event.atMs)}</time>
              <span class=${`type ${event.type.split(':', 1)[0]}`}>${event.type}</span>
              <span>${describe(event)}</span>
            </li>
          `,
        )}
      </ol>
    </section>
  `
}

/** The fields as words; nodes by their names where they are known. */
function describe({ fields }: FeedEvent): string {
  const names = new Map(snapshot.value?.node.members.map(({ nodeId, name }) => [nodeId, name]))
  const text = (value: unknown): string => {
    if (Array.isArray(value)) return value.length > 6 ? `${value.length}` : value.map(text).join(', ')
    return typeof value === 'string' ? (names.get(value) ?? value) : String(value)
  }
  return Object.entries(fields)
    .filter(([name]) => name !== 'name' || fields['nodeId'] === undefined)
    .map(([name, value]) => (name === 'nodeId' ? text(fields['name'] ?? value) : `${name} ${text(value)}`))
    .join(', ')
}
