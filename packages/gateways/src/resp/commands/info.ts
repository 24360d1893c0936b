/** `INFO`: the lines that clients and monitors look for, in Redis's sections. A node's own status tells more. */
import { wordOf } from '../arguments.ts'
import { type Command, type Context, NO_KEYS } from '../command.ts'
import { REDIS_VERSION } from '../facts.ts'

export const info: Command = {
  name: 'info',
  arity: -1,
  flags: ['loading', 'stale'],
  keys: NO_KEYS,
  categories: ['@dangerous'],
  summary: 'How this gateway does',
  since: '1.0.0',
  group: 'server',
  run: (context, request) => {
    const asked = new Set(request.slice(1).map(wordOf))
    const isAll = asked.size === 0 || ALL_SECTIONS.some((word) => asked.has(word))
    const chosen = SECTIONS.filter(({ title }) => isAll || asked.has(title.toUpperCase()))
    const texts = chosen.map(({ title, lines }) => [`# ${title}`, ...linesOf(lines(context))].join('\r\n'))
    context.reply.verbatim(texts.map((text) => `${text}\r\n`).join('\r\n'))
  },
}

type Lines = Readonly<Record<string, string | number>>

interface Section {
  readonly title: string
  lines(context: Context): Lines
}

const SECTIONS: readonly Section[] = [
  { title: 'Server', lines: server },
  {
    title: 'Clients',
    lines: ({ facts }) => ({ connected_clients: facts.counters.clients, maxclients: facts.clientsMax }),
  },
  { title: 'Memory', lines: memory },
  { title: 'Persistence', lines: () => ({ loading: 0, rdb_bgsave_in_progress: 0, aof_enabled: 0 }) },
  { title: 'Stats', lines: stats },
  { title: 'Replication', lines: () => ({ role: 'master', connected_slaves: 0 }) },
  { title: 'CPU', lines: cpu },
  { title: 'Modules', lines: () => ({}) },
  { title: 'Cluster', lines: () => ({ cluster_enabled: 0 }) },
  { title: 'Keyspace', lines: keyspace },
]

function linesOf(lines: Lines): readonly string[] {
  return Object.entries(lines).map(([name, value]) => `${name}:${value}`)
}

function server({ facts }: Context): Lines {
  const nowUnixMs = facts.nowUnixMs()
  const uptimeSeconds = Math.max(0, Math.floor((nowUnixMs - facts.startedAtUnixMs) / 1_000))
  return {
    redis_version: REDIS_VERSION,
    redis_mode: 'standalone',
    os: `${process.platform} ${process.arch}`,
    arch_bits: 64,
    process_id: process.pid,
    run_id: facts.runId,
    server_time_usec: Math.floor(nowUnixMs * 1_000),
    uptime_in_seconds: uptimeSeconds,
    uptime_in_days: Math.floor(uptimeSeconds / 86_400),
    server_name: 'reprise',
  }
}

function memory(): Lines {
  const { rss, heapUsed, external } = process.memoryUsage()
  return { used_memory: heapUsed + external, used_memory_rss: rss, maxmemory: 0, maxmemory_policy: 'allkeys-lru' }
}

function stats({ facts: { counters } }: Context): Lines {
  return {
    total_connections_received: counters.connections,
    total_commands_processed: counters.commands,
    total_net_input_bytes: counters.inputBytes,
    total_net_output_bytes: counters.outputBytes,
    keyspace_hits: counters.hits,
    keyspace_misses: counters.misses,
    total_error_replies: counters.errors,
  }
}

function cpu(): Lines {
  const { user, system } = process.cpuUsage()
  return { used_cpu_sys: (system / 1e6).toFixed(6), used_cpu_user: (user / 1e6).toFixed(6) }
}

/** Redis leaves out a database without keys. */
function keyspace({ store }: Context): Lines {
  const keys = store.count()
  return keys === 0 ? {} : { db0: `keys=${keys},expires=${keys},avg_ttl=0` }
}

const ALL_SECTIONS: readonly string[] = ['DEFAULT', 'ALL', 'EVERYTHING']
