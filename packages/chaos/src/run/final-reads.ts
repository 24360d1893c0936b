/** Reads everything back when the cluster has come to rest: every session that there ever was, at several members. */
import type { Random } from '@reprise/testkit'
import type { ClusterUnderTest } from '../backends/backend.ts'
import { CLIENTS_AT_ONCE, FINAL_READ_MEMBERS, FINAL_READ_TRIES } from '../constants.ts'
import type { Clients } from '../workload/client.ts'
import type { ClientSession } from '../workload/sessions.ts'

export interface FinalReadsInit {
  readonly cluster: ClusterUnderTest
  readonly clients: Clients
  readonly random: Random
  nextRequest(): number
}

export async function readEverything(sessions: readonly ClientSession[], init: FinalReadsInit): Promise<void> {
  const reads = sessions.flatMap((session) => nodesFor(init).map((node) => ({ session, node }))).values()
  const readSome = async (client: number): Promise<void> => {
    for (const { session, node } of reads) await read(client, session, node, init)
  }
  await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, (_, client) => readSome(client)))
}

/** An answer that says nothing is asked for again: the cluster is at rest, and the machine may be busy. */
async function read(client: number, session: ClientSession, node: number, init: FinalReadsInit): Promise<void> {
  const request = { client, number: init.nextRequest(), session }
  for (let i = 0; i < FINAL_READ_TRIES; i++) {
    if ((await init.clients.look(request, node, 'final-read')) !== undefined) return
  }
}

function nodesFor({ cluster, random }: FinalReadsInit): number[] {
  const rest = [...cluster.expected]
  const chosen: number[] = []
  while (chosen.length < FINAL_READ_MEMBERS && rest.length > 0) {
    chosen.push(...rest.splice(random.below(rest.length), 1))
  }
  return chosen
}
