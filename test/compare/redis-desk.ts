/**
 * The same application as that of a member under test (`packages/chaos/src/member/desk.ts`), with its sessions in Redis: a hash for each,
 * with a field for each item, so that two servers that write at the same time do not undo each other.
 */
import type { Done, SessionAnswer, SessionCall } from '../../packages/chaos/src/member/calls.ts'
import { REDIS_DEADLINE_MS, WAIT_MS } from './constants.ts'
import type { Client, Primary } from './primary.ts'

type Write = SessionCall & { readonly kind: 'create' | 'commit' | 'drop' }

/** Makes a session. Beside its items it has the time that it lives unused. */
const CREATE = `
  redis.call('HSET', KEYS[1], '#idle', ARGV[1], ARGV[2], ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  return redis.call('HKEYS', KEYS[1])`

/** Puts an item in, unless the session has ended: a write that comes late must not bring it back. */
const PUT = `
  if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], redis.call('HGET', KEYS[1], '#idle'))
  return redis.call('HKEYS', KEYS[1])`

const TOUCH = `
  local idle = redis.call('HGET', KEYS[1], '#idle')
  if idle then redis.call('PEXPIRE', KEYS[1], idle) end`

export class RedisDesk {
  readonly #primary: Primary
  readonly #waits: boolean
  /** The ids of sessions that clients found. */
  readonly #handles = new Map<number, string>()
  #nextHandle = 1

  /** @param waits whether a write waits until as many replicas as asked for have it. */
  constructor(primary: Primary, waits: boolean) {
    this.#primary = primary
    this.#waits = waits
  }

  /** Never rejects. */
  async call(call: SessionCall): Promise<SessionAnswer> {
    const { promise: late, resolve } = Promise.withResolvers<SessionAnswer>()
    const isCertain = call.kind === 'resume'
    const timer = setTimeout(() => resolve({ isDone: false, isCertain, error: 'LATE: no answer' }), REDIS_DEADLINE_MS)
    try {
      return await Promise.race([this.#do(call), late])
    } catch (error) {
      return { isDone: false, isCertain, error: `REDIS: ${error instanceof Error ? error.message : String(error)}` }
    } finally {
      clearTimeout(timer)
    }
  }

  async #do(call: SessionCall): Promise<SessionAnswer> {
    switch (call.kind) {
      case 'create': {
        const { session: id, idleMs, item } = call
        return await this.#put(call, id, CREATE, [String(idleMs), item, filler(call)])
      }
      case 'resume':
        return await this.#resume(call.session)
      case 'commit':
        return await this.#put(call, this.#take(call.handle), PUT, [call.item, filler(call)])
      case 'touch': {
        const keys = [this.#take(call.handle)]
        await this.#primary.use((client) => client.eval(TOUCH, { keys }))
        return { isDone: true }
      }
      case 'drop': {
        const id = this.#take(call.handle)
        return await this.#write(call, async (client) => {
          await client.del(id)
          return { isDone: true }
        })
      }
    }
  }

  async #resume(id: string): Promise<Done> {
    const items = itemsOf(await this.#primary.use((client) => client.hKeys(id)))
    if (items.length === 0) return { isDone: true, found: 'absent' }
    const handle = this.#nextHandle++
    this.#handles.set(handle, id)
    return { isDone: true, found: 'complete', items, handle }
  }

  async #put(call: Write, id: string, script: string, values: string[]): Promise<SessionAnswer> {
    return await this.#write(call, async (client) => {
      const fields = await client.eval(script, { keys: [id], arguments: values })
      const items = itemsOf(Array.isArray(fields) ? fields.map(String) : [])
      if (items.length > 0) return { isDone: true, items }
      return { isDone: false, isCertain: true, error: 'ENDED: the session is gone' }
    })
  }

  /** On one connection, since WAIT is about what was written on its own. */
  async #write({ copies }: Write, write: (client: Client) => Promise<SessionAnswer>): Promise<SessionAnswer> {
    return await this.#primary.use(async (client) => {
      const answer = await write(client)
      if (!this.#waits || copies === 0 || !answer.isDone) return answer
      const confirmed = await client.wait(copies, WAIT_MS)
      if (confirmed >= copies) return answer
      return { isDone: false, isCertain: false, error: `COPIES: ${confirmed} of ${copies} replicas` }
    })
  }

  #take(handle: number): string {
    const id = this.#handles.get(handle)
    if (id === undefined) throw new Error('this request is from an earlier life of the application')
    this.#handles.delete(handle)
    return id
  }
}

function filler({ itemBytes }: { readonly itemBytes: number }): string {
  return 'x'.repeat(itemBytes)
}

function itemsOf(fields: readonly string[]): string[] {
  return fields.filter((field) => field !== '#idle')
}
