/**
 * What the page knows: the newest snapshot, five minutes of samples made of them, and the newest events. Everything that is
 * drawn reads from here and is drawn anew when it changes.
 */
import type { Signal } from '@preact/signals'
import { signal } from '@preact/signals'
import { followEvents } from './event-stream.ts'
import type { Sample } from './samples.ts'
import { sampleOf } from './samples.ts'
import type { FeedEvent, Snapshot } from './snapshot.ts'
import type { Link } from './verdict.ts'

/** Five minutes of one a second. */
const SAMPLES_MAX = 300
const FEED_MAX = 200

/** Whether the page hears its node. */
export const link: Signal<Link> = signal<Link>('connecting')
export const snapshot: Signal<Snapshot | undefined> = signal<Snapshot | undefined>(undefined)
/** Oldest first. */
export const samples: Signal<readonly Sample[]> = signal<readonly Sample[]>([])
/** Newest first. */
export const feed: Signal<readonly FeedEvent[]> = signal<readonly FeedEvent[]>([])

/**
 * The token of the admin server: whoever opened the page gave it in the address after `#`, which is never sent. Tokens are made
 * of what an address may hold as it is.
 */
const token = /^#token=(.+)$/.exec(location.hash)?.[1]

/** Headers that prove that the page may ask. */
export function authorization(): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/** Whether controls can work: they always want a token. */
export const mayControl: boolean = token !== undefined

export function listen(abort: AbortSignal): Promise<void> {
  return followEvents({
    url: 'events',
    headers: authorization(),
    signal: abort,
    onOpen: () => {
      link.value = 'live'
    },
    onEvent: ({ id, type, data }) => {
      if (type === 'snapshot') onSnapshot(JSON.parse(data) as Snapshot)
      else onFeed({ ...(JSON.parse(data) as Omit<FeedEvent, 'id' | 'type'>), id, type })
    },
    onLost: (status) => {
      link.value = status === 401 || status === 403 ? 'refused' : 'lost'
    },
  })
}

function onSnapshot(next: Snapshot): void {
  const before = snapshot.value
  // After a restart of the node its counters begin anew, and those of another node are others: one moment without rates.
  const isSameLife = before !== undefined && before.node.nodeId === next.node.nodeId && before.uptimeMs <= next.uptimeMs
  if (isSameLife) samples.value = [...samples.value, sampleOf(before, next, Date.now())].slice(-SAMPLES_MAX)
  snapshot.value = next
}

function onFeed(event: FeedEvent): void {
  feed.value = [event, ...feed.value].slice(0, FEED_MAX)
}
