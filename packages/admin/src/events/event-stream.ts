/**
 * Events and snapshots to those who listen: server-sent events (WHATWG HTML, 9.2), one response each, which does not end.
 *
 * A listener that does not read is dropped when too much waits for it, so that nothing grows with its patience. It comes back with
 * the id of its last event and gets what it missed. Snapshots are made while somebody listens, once for all.
 */
import type { ServerResponse } from 'node:http'
import type { Logger } from '@reprise/node'
import { LISTENER_BYTES_MAX, LISTENERS_MAX, RECONNECT_MS, SNAPSHOT_MS } from '../constants.ts'
import { RequestError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Entry, Feed } from './feed.ts'

export interface EventStreamInit {
  readonly feed: Feed
  /** The present state as JSON, in one line. */
  snapshot(): string
  readonly logger: Logger | undefined
}

export class EventStream implements Disposable {
  readonly #init: EventStreamInit
  readonly #listeners = new Set<ServerResponse>()
  #timer: NodeJS.Timeout | undefined

  constructor(init: EventStreamInit) {
    this.#init = init
    init.feed.onEntry = (entry) => {
      if (this.#listeners.size > 0) this.#tell(textOf(entry))
    }
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /**
   * Let somebody listen: what it missed, how things are, and what happens from now on. Who asks with HEAD gets the headers and
   * is done: it would wait for a body that never comes, and take the place of a listener meanwhile. @throws RequestError
   */
  add({ request, response }: Exchange): void {
    if (request.method === 'HEAD') {
      response.writeHead(200, STREAM_HEADERS).end()
      return
    }
    if (this.#listeners.size >= LISTENERS_MAX) {
      throw new RequestError(503, 'LIMIT', `${LISTENERS_MAX} are listening already`, 'close another page')
    }
    const snapshot = snapshotText(this.#init.snapshot())
    const lastId = request.headers['last-event-id']
    const { entries, lost } = this.#init.feed.after(typeof lastId === 'string' ? lastId : undefined)
    response.writeHead(200, STREAM_HEADERS)
    response.write(`retry: ${RECONNECT_MS}\n\n`)
    if (lost > 0)
      response.write(`event: lost\ndata: ${JSON.stringify({ atMs: Date.now(), fields: { events: lost } })}\n\n`)
    response.write(entries.map(textOf).join('') + snapshot)
    response.once('close', () => this.#remove(response))
    this.#listeners.add(response)
    this.#timer ??= setInterval(() => this.#tellSnapshot(), SNAPSHOT_MS).unref()
  }

  /** The responses themselves end with the server's connections. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#listeners.clear()
  }

  #tellSnapshot(): void {
    try {
      this.#tell(snapshotText(this.#init.snapshot()))
    } catch (error) {
      // The node has stopped, or what an extension adds failed: the next one may come again.
      this.#init.logger?.debug('no snapshot', { error: error instanceof Error ? error.name : typeof error })
    }
  }

  #tell(text: string): void {
    for (const response of this.#listeners) {
      response.write(text)
      if (response.writableLength <= LISTENER_BYTES_MAX) continue
      this.#init.logger?.warn('a listener to events does not read, and is disconnected', {
        waitingBytes: response.writableLength,
      })
      this.#remove(response)
      response.destroy()
    }
  }

  #remove(response: ServerResponse): void {
    this.#listeners.delete(response)
    if (this.#listeners.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function textOf({ id, type, data }: Entry): string {
  return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`
}

/** Without an id: it is no event that one could have missed. */
function snapshotText(json: string): string {
  return `event: snapshot\ndata: ${json}\n\n`
}

/** The second: nginx passes on what comes as it comes. */
const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' } as const
