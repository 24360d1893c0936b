/** Reads everything back when the cluster has come to rest: every session that there ever was, at several members. */
import type { Random } from '@reprise/testkit'
import type { ClusterUnderTest } from '../backends/backend.ts'
import { CLIENTS_AT_ONCE, FINAL_READ_MEMBERS, FINAL_READ_TRIES } from '../constants.ts'
import type { Clients } from './client.ts'
import type { ClientSession } from './sessions.ts'
import { drawMembers, severalAtOnce } from './traffic.ts'

export interface FinalReadsInit {
  readonly cluster: Pick<ClusterUnderTest, 'expected'>
  readonly clients: Clients
  readonly random: Random
  nextRequest(): number
}

export async function readEverything(sessions: readonly ClientSession[], init: FinalReadsInit): Promise<void> {
  const { cluster, random } = init
  const reads = sessions.flatMap((session) =>
    drawMembers(cluster.expected, FINAL_READ_MEMBERS, random).map((node) => ({ session, node })),
  )
  await severalAtOnce(reads, CLIENTS_AT_ONCE, ({ session, node }, client) => read(client, session, node, init))
}

/** An answer that says nothing is asked for again: the cluster is at rest, and the machine may be busy. */
async function read(client: number, session: ClientSession, node: number, init: FinalReadsInit): Promise<void> {
  const request = { client, number: init.nextRequest(), session }
  for (let i = 0; i < FINAL_READ_TRIES; i++) {
    if ((await init.clients.look(request, node, 'final-read')) !== undefined) return
  }
}
