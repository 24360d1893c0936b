/**
 * What goes on after the story: clients that come back again and again, each time to another node, and nodes that are started
 * again a while after they died, whoever killed them.
 */

import { type ClientKind, visit } from '../clients/tls-client.ts'
import type { LocalCluster, MemberEnd } from '../cluster/local-cluster.ts'
import { CommandError } from '../failure.ts'
import { pause } from '../interruption.ts'
import { RESTART_AFTER_MS, TRAFFIC_NEW_CLIENT_EVERY, TRAFFIC_PAUSE_MS } from './constants.ts'
import type { Tell } from './events.ts'
import { handshakeOf, type Scene } from './scene.ts'

/** Resolves when the signal is aborted. */
export async function play(scene: Scene, tell: Tell, signal: AbortSignal): Promise<void> {
  const { cluster } = scene
  const restarts = new Set<Promise<void>>()
  const onEnded = ({ name }: MemberEnd): void => {
    const restarting = restartLater(cluster, name, tell, signal)
    restarts.add(restarting)
    void restarting.then(() => restarts.delete(restarting))
  }
  cluster.on('ended', onEnded)
  tell({ type: 'playing' })
  // One that died between the end of the story and now is not forgotten.
  for (const member of cluster.members) if (member.state === 'down') onEnded({ ...member, ...NO_EXIT })
  await runTraffic(scene, tell, signal)
  cluster.off('ended', onEnded)
  await Promise.all(restarts)
}

const NO_EXIT = { exitCode: null, signal: null, lastLines: [], expected: false } as const

async function restartLater(cluster: LocalCluster, name: string, tell: Tell, signal: AbortSignal): Promise<void> {
  await pause(RESTART_AFTER_MS, signal)
  if (signal.aborted) return
  try {
    await cluster.restart(name)
  } catch (error) {
    if (signal.aborted) return
    tell({ type: 'said', text: `${name} could not be started again: ${(error as Error).message}` })
  }
}

/** A client of the traffic: its newest session. */
interface Guest {
  readonly kind: ClientKind
  session: Buffer | undefined
}

async function runTraffic({ cluster, clients }: Scene, tell: Tell, signal: AbortSignal): Promise<void> {
  const guests: Guest[] = clients.map(({ kind, session }) => ({ kind, session }))
  const { certificatePem } = cluster
  for (let turn = 0; !signal.aborted; turn++) {
    await pause(TRAFFIC_PAUSE_MS, signal)
    const guest = guests[turn % guests.length]
    const up = cluster.members.filter(({ state }) => state === 'up')
    // A step that is prime to the number of clients: each meets every node.
    const member = up[turn % up.length]
    if (guest === undefined || member?.info === undefined) continue
    if (turn % TRAFFIC_NEW_CLIENT_EVERY === 0) guest.session = undefined
    const { kind, session } = guest
    try {
      const target = { name: member.name, port: member.info.ports.tls }
      const seen = await visit({ target, kind, certificatePem, session, signal })
      tell({ type: 'handshake', handshake: handshakeOf(seen, kind, session !== undefined) })
      if (session !== undefined && !seen.reused)
        tell({ type: 'said', text: `LOST: a ${kind} session at ${member.name}` })
      guest.session = seen.session ?? session
    } catch (error) {
      if (signal.aborted) return
      // Killed under the client's hands: it comes back, to another node.
      if (!(error instanceof CommandError)) throw error
      tell({ type: 'said', text: `${error.message}; the client goes elsewhere` })
    }
  }
}
