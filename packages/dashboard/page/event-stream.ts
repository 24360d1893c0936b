/**
 * Reads a stream of server-sent events over `fetch`, which unlike `EventSource` can carry a token. Comes back by itself after
 * a loss, with the id of the last event heard, so that nothing is missed that the server still has.
 *
 * Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

export interface ServerEvent {
  readonly id: string
  readonly type: string
  readonly data: string
}

export interface EventStreamOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  onOpen(): void
  onEvent(event: ServerEvent): void
  /** The stream was lost, or could not be had. `status`: what the server answered, if it did. */
  onLost(status: number | undefined): void
  readonly signal: AbortSignal
}

const RETRY_MS = 1_000
/** The server sends a snapshot each second; a stream that is silent so long is dead. */
const SILENCE_MS_MAX = 10_000

/** Resolves when the signal is aborted. */
export async function followEvents(options: EventStreamOptions): Promise<void> {
  const { url, headers, signal } = options
  let lastId = ''
  while (!signal.aborted) {
    let status: number | undefined
    const silence = new AbortController()
    try {
      const response = await fetch(url, {
        headers: { ...headers, accept: 'text/event-stream', ...(lastId !== '' && { 'last-event-id': lastId }) },
        signal: AbortSignal.any([signal, silence.signal]),
      })
      status = response.status
      if (!response.ok || response.body === null) throw new Error(`the server answered ${status}`)
      options.onOpen()
      await read(response.body, silence, (event) => {
        if (event.id !== '') lastId = event.id
        options.onEvent(event)
      })
    } catch {
      // Whatever it was: it is told below, and tried again.
    }
    if (signal.aborted) return
    options.onLost(status)
    await pause(RETRY_MS, signal)
  }
}

async function read(
  body: ReadableStream<Uint8Array>,
  silence: AbortController,
  onEvent: (event: ServerEvent) => void,
): Promise<void> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
    const { done, value } = await reader.read().finally(() => clearTimeout(timer))
    if (done) return
    const blocks = `${rest}${decoder.decode(value, { stream: true })}`.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parse(block)
      if (event.data !== '') onEvent(event)
    }
  }
}

function parse(block: string): ServerEvent {
  let id = ''
  let type = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    // A comment, or a field that nobody sends.
    if (colon <= 0) continue
    const value = line.slice(colon + 1).replace(/^ /, '')
    const field = line.slice(0, colon)
    if (field === 'id') id = value
    else if (field === 'event') type = value
    else if (field === 'data') data.push(value)
  }
  return { id, type, data: data.join('\n') }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
