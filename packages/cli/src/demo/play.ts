/**
 * What goes on after the story: clients that come back again and again, each time to another node, and nodes that are started
 * again a while after they died, whoever killed them.
 */

import { type ClientKind, visit } from '../clients/tls-client.ts'
import type { LocalCluster, MemberEnd, MemberView } from '../cluster/local-cluster.ts'
import { CommandError } from '../failure.ts'
import { pause } from '../interruption.ts'
import { CLIENT_PATIENCE_MS, RESTART_AFTER_MS, TRAFFIC_NEW_CLIENT_EVERY, TRAFFIC_PAUSE_MS } from './constants.ts'
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
    // Its end is heard of, and it is tried anew.
    if (cluster.member(name).state === 'starting') await cluster.kill(name)
  }
}

/** A client of the traffic, at one node at a time. */
interface Guest {
  readonly kind: ClientKind
  /** Its newest one that it can take to every node. */
  session: Buffer | undefined
  /** One that is newer, and that only the node knows that gave it. */
  apart: { readonly node: MemberView; readonly session: Buffer } | undefined
  isAway: boolean
}

const NEW_CLIENT = { session: undefined, apart: undefined } as const

/** What a visit needs besides a guest and a node. */
interface Traffic {
  readonly cluster: LocalCluster
  readonly tell: Tell
  readonly signal: AbortSignal
}

async function runTraffic({ cluster, clients }: Scene, tell: Tell, signal: AbortSignal): Promise<void> {
  const guests = clients.map(({ kind, session }): Guest => ({ kind, session, apart: undefined, isAway: false }))
  const traffic = { cluster, tell, signal }
  const visits = new Set<Promise<void>>()
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  for (let turn = 0; !signal.aborted; turn++) {
    await Promise.race([pause(TRAFFIC_PAUSE_MS, signal), failed])
    const guest = guests[turn % guests.length]
    // A node that keeps its guests waiting keeps nobody else from going on.
    if (guest === undefined || guest.isAway) continue
    if (turn % TRAFFIC_NEW_CLIENT_EVERY === 0) Object.assign(guest, NEW_CLIENT)
    // One node further in each round, so that each client meets every node.
    const visiting = comeBack(guest, turn + Math.floor(turn / guests.length), traffic).catch(fail)
    visits.add(visiting)
    void visiting.then(() => visits.delete(visiting))
  }
  await Promise.all(visits)
}

/** A client comes to the node whose turn it is, and when that does not serve it, to those that are up. */
async function comeBack(guest: Guest, turn: number, traffic: Traffic): Promise<void> {
  const { members } = traffic.cluster
  const serving = members.filter(({ state }) => state !== 'starting' && state !== 'down')
  const first = serving[turn % serving.length]
  const others = members.filter((member) => member !== first && member.state === 'up')
  guest.isAway = true
  takeBack(guest, traffic.cluster)
  try {
    for (const member of first === undefined ? [] : [first, ...others]) {
      if (await isServed(guest, member, traffic)) return
    }
  } finally {
    guest.isAway = false
  }
}

/** What a node gave while it was apart is worth as much as any other when it is back, and nothing when it died before. */
function takeBack(guest: Guest, cluster: LocalCluster): void {
  if (guest.apart === undefined) return
  const { node, session } = guest.apart
  const { state, pid } = cluster.member(node.name)
  if (pid === node.pid && state !== 'up' && state !== 'down') return
  if (pid === node.pid && state === 'up') guest.session = session
  guest.apart = undefined
}

/**
 * Whether the client need not go elsewhere.
 *
 * A node that is cut off resumes what it has, and cannot ask the others for what it has not; so when it does not know a session,
 * nobody can say yet whether that is lost, and the client asks the others. What such a node gives to a client is known to
 * nobody else until it is back, so until then the client keeps what it had.
 */
async function isServed(guest: Guest, node: MemberView, { cluster, tell, signal }: Traffic): Promise<boolean> {
  const { kind, session } = guest
  const { name, info } = node
  const isWhole = (): boolean => cluster.member(name).state === 'up'
  const wasWhole = isWhole()
  const patience = AbortSignal.timeout(CLIENT_PATIENCE_MS)
  try {
    const seen = await visit({
      target: { name, port: info?.ports.tls ?? 0 },
      kind,
      certificatePem: cluster.certificatePem,
      session,
      signal: AbortSignal.any([signal, patience]),
    })
    const counts = wasWhole && isWhole()
    const offered = session !== undefined && (seen.reused || counts)
    tell({ type: 'handshake', handshake: handshakeOf(seen, kind, offered) })
    if (counts) guest.session = seen.session ?? session
    else if (seen.session !== undefined) guest.apart = { node, session: seen.session }
    if (offered && !seen.reused) tell({ type: 'said', text: `LOST: a ${kind} session at ${name}` })
    return session === undefined || seen.reused || counts
  } catch (error) {
    if (signal.aborted) return true
    // Frozen, or killed under the client's hands.
    if (error === patience.reason) tell({ type: 'said', text: `${name} does not answer; the client goes elsewhere` })
    else if (error instanceof CommandError) tell({ type: 'said', text: `${error.message}; the client goes elsewhere` })
    else throw error
    return false
  }
}
