/**
 * How soon a session can be used elsewhere: a full handshake at one node, and after a while the next one at another node.
 * Half of the clients come to a holder, half to a node that has to ask one. The deadlines are long: what is counted is whether
 * the cluster has the session, not how long a busy machine takes to say so.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { SecureVersion } from 'node:tls'
import { Cluster } from './cluster.ts'
import type { Bench, Row } from './harness.ts'
import { MEMBERS } from './tls.ts'
import { visit } from './tls-client.ts'
import type { TlsCommands, TlsServerOptions } from './tls-process.ts'

const CLIENTS = 200
const AT_ONCE = 8

export const resumeAfter: Bench = {
  name: 'resume-after',
  sketch: `${CLIENTS} clients a row, ${AT_ONCE} at a time; a stored session is on the wire within a frame's 5 ms`,
  expectation: "all at once with confirm: 'copies', all after 50 ms with 'queued'",
  run: async (signal) => {
    await using cluster = await Cluster.start<TlsCommands>(MODULE, MEMBERS, signal)
    const rows: Row[] = []
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const confirm of ['queued', 'copies'] as const) {
        const options = {
          key: 'P-256',
          version,
          mode: 'stateful',
          confirm,
          deadlineMs: 1_000,
        } satisfies TlsServerOptions
        const ports = await Promise.all(cluster.members.map((member) => member.call('listen', options)))
        // The first handshakes compile the code.
        await shareResumed(ports, version, 0, 40)
        for (const afterMs of [0, 10, 50]) {
          const share = 100 * (await shareResumed(ports, version, afterMs, CLIENTS))
          const isAsked = confirm === 'copies' || afterMs === 50
          const what = `TLS ${version.slice(4)}, confirm: '${confirm}', after ${afterMs} ms`
          const row = { what, value: share, unit: '%' } as const
          rows.push(isAsked ? { ...row, gate: { asked: 'all', isMet: share === 100 } } : row)
        }
      }
    }
    return rows
  },
}

async function shareResumed(
  [origin = 0, ...elsewhere]: readonly number[],
  version: SecureVersion,
  afterMs: number,
  count: number,
): Promise<number> {
  let resumed = 0
  const clients = Array.from({ length: count }, (_, i) => i).values()
  const worker = async (): Promise<void> => {
    for (const i of clients) {
      const { session } = await visit({ port: origin, version })
      if (afterMs > 0) await pause(afterMs)
      const { kind } = await visit({ port: elsewhere[i % elsewhere.length] as number, version }, session)
      if (kind === 'local' || kind === 'peers') resumed++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return resumed / count
}

const MODULE = new URL('./tls-process.ts', import.meta.url)
