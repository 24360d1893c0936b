/**
 * `reprise up`: a cluster on this machine for use by hand. It runs until ^C or SIGTERM, which is how it is meant to end, so
 * the exit code is then 0. A signal before all nodes are ready ends it with 128 and the signal's number.
 *
 * Results go to stdout: the table, or with `--json` exactly one line. Everything else goes to stderr.
 */
import { styleText } from 'node:util'
import { Command } from 'commander'
import { UP_NODES_DEFAULT } from '../cluster/constants.ts'
import { hintLines } from '../cluster/hints.ts'
import type { LocalCluster, MemberEnd, MemberView } from '../cluster/local-cluster.ts'
import { describeExit } from '../cluster/member-process.ts'
import type { Confirm } from '../cluster/messages.ts'
import { aborted, listenForInterruption } from '../interruption.ts'
import { type Column, tableLines } from '../table.ts'
import { formatMs, plural } from '../units.ts'
import { confirmOption, nodesOption } from './arguments.ts'

interface UpOptions {
  readonly nodes: number
  readonly json?: boolean
  readonly restart?: boolean
  readonly confirm: Confirm
}

export function upCommand(): Command {
  return new Command('up')
    .description('start a cluster on this machine, for use by hand; ^C stops it')
    .addOption(nodesOption({ min: 1, byDefault: UP_NODES_DEFAULT }))
    .option('--json', 'print one line of JSON when all nodes are ready')
    .option('--restart', 'start a node again that ended')
    .addOption(confirmOption())
    .action(up)
}

async function up(options: UpOptions): Promise<void> {
  const { LocalCluster } = await load()
  using interruption = listenForInterruption()
  const { signal } = interruption
  const startedMs = performance.now()
  await using cluster = new LocalCluster(options)
  cluster.on('ended', (end) => {
    if (signal.aborted) return
    console.error(endLines(end).join('\n'))
    if (options.restart === true && !end.expected) void restart(cluster, end.name, signal)
  })
  if (options.json !== true) console.error(`starting ${plural(options.nodes, 'node')} on 127.0.0.1 …`)
  await Promise.race([cluster.start(), aborted(signal)])
  signal.throwIfAborted()

  if (options.json === true) console.log(readyJson(cluster.members))
  else {
    console.log(tableLines(COLUMNS, cluster.members, { titleStyle: dim }).join('\n'))
    console.error(readyLines(cluster.members, performance.now() - startedMs).join('\n'))
  }
  await aborted(signal)
  if (options.json !== true) console.error('stopping')
}

/** Not loaded in `up` itself: tsc leaves the `.ts` in a dynamic import of a function with `using` declarations. */
function load() {
  return import('../cluster/local-cluster.ts')
}

async function restart(cluster: LocalCluster, name: string, signal: AbortSignal): Promise<void> {
  try {
    await cluster.restart(name)
    const { pid } = cluster.member(name)
    console.error(`${name} is back as pid ${pid}`)
  } catch (error) {
    if (!signal.aborted) console.error(`${name} could not be started again: ${(error as Error).message}`)
  }
}

/** The line for programs. */
function readyJson(members: readonly MemberView[]): string {
  const nodes = members.map(({ name, pid, info }) => ({
    name,
    pid,
    peerId: info?.peerId,
    listen: info?.listen,
    admin: adminUrl(info?.ports.admin),
    tlsPort: info?.ports.tls,
  }))
  return JSON.stringify({ schemaVersion: 1, nodes })
}

const COLUMNS: readonly Column<MemberView>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'PID', cell: ({ pid }) => String(pid ?? '-'), align: 'right' },
  // The beginning is the same for all.
  { title: 'PEER', cell: ({ info }) => `…${info?.peerId.slice(-8) ?? ''}` },
  { title: 'LISTEN', cell: ({ info }) => `127.0.0.1:${info?.ports.peer ?? '-'}` },
  { title: 'ADMIN', cell: ({ info }) => adminUrl(info?.ports.admin) },
  { title: 'TLS PORT', cell: ({ info }) => String(info?.ports.tls ?? '-'), align: 'right' },
]

/** What to try. */
function readyLines(members: readonly MemberView[], tookMs: number): string[] {
  const [first] = members
  return [
    '',
    `${plural(members.length, 'node')} ready in ${formatMs(tookMs)}.`,
    '',
    ...hintLines(members),
    'With TLS 1.3 the session comes after the handshake: ask for a page to get it:',
    `  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -tls1_3 -ign_eof \\`,
    `    -connect 127.0.0.1:${first?.info?.ports.tls} -sess_out /tmp/reprise.pem`,
    `What a node knows: curl -s ${adminUrl(first?.info?.ports.admin)}/status`,
    '',
    '^C stops all.',
  ]
}

function endLines(end: MemberEnd): string[] {
  return [`${end.name} (pid ${end.pid}) ${describeExit(end)}`, ...end.lastLines.map((line) => `  ${line}`)]
}

function adminUrl(port: number | undefined): string {
  return `http://127.0.0.1:${port ?? '-'}`
}

function dim(text: string): string {
  return styleText('dim', text, { stream: process.stderr })
}
