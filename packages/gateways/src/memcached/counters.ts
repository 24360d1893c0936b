import type { ConversationFigures } from '../figures.ts'

/** What a gateway counts: for `stats`, under the names that it has there, and for metrics, which no client resets. */
export class Counters {
  readonly startedMs: number = performance.now()
  curr_connections = 0
  total_connections = 0
  cmd_get = 0
  cmd_set = 0
  cmd_flush = 0
  cmd_touch = 0
  cmd_meta = 0
  get_hits = 0
  get_misses = 0
  delete_misses = 0
  delete_hits = 0
  incr_misses = 0
  incr_hits = 0
  decr_misses = 0
  decr_hits = 0
  cas_misses = 0
  cas_hits = 0
  cas_badval = 0
  touch_hits = 0
  touch_misses = 0
  auth_cmds = 0
  auth_errors = 0
  bytes_read = 0
  bytes_written = 0
  total_items = 0
  #commands = 0
  #errors = 0
  /** What `stats reset` took away. */
  readonly #earlier: Record<(typeof TOLD)[number], number> = {
    total_connections: 0,
    get_hits: 0,
    get_misses: 0,
    bytes_read: 0,
    bytes_written: 0,
  }

  countCommand(): void {
    this.#commands += 1
  }

  countError(): void {
    this.#errors += 1
  }

  figures(): ConversationFigures {
    const earlier = this.#earlier
    return {
      accepted: earlier.total_connections + this.total_connections,
      commands: this.#commands,
      errors: this.#errors,
      hits: earlier.get_hits + this.get_hits,
      misses: earlier.get_misses + this.get_misses,
      bytes: { in: earlier.bytes_read + this.bytes_read, out: earlier.bytes_written + this.bytes_written },
    }
  }

  reset(): void {
    for (const name of TOLD) this.#earlier[name] += this[name]
    for (const name of Object.keys(this) as (keyof Counters)[]) {
      if (typeof this[name] === 'number' && !KEPT.has(name)) Object.assign(this, { [name]: 0 })
    }
  }
}

/** Of those, what metrics tell, too. */
const TOLD = ['total_connections', 'get_hits', 'get_misses', 'bytes_read', 'bytes_written'] as const
const KEPT: ReadonlySet<string> = new Set(['startedMs', 'curr_connections'])
