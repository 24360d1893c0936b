/** What a gateway counts for `stats`, under the names that it has there. */
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

  reset(): void {
    for (const name of Object.keys(this) as (keyof Counters)[]) {
      if (typeof this[name] === 'number' && !KEPT.has(name)) Object.assign(this, { [name]: 0 })
    }
  }
}

const KEPT: ReadonlySet<string> = new Set(['startedMs', 'curr_connections'])
