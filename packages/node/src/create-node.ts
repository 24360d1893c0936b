/**
 * Making a node: its options resolved, its directory opened, its network and core put together, what a repository kept read; then it
 * starts, and waits until it is ready.
 */
import { randomInt } from 'node:crypto'
import type { EarlierMember, KeyHash } from '@reprise/core'
import { FRAME_ID_BYTES, loadKeyHash, Replica, SHARD_COUNT } from '@reprise/core'
import type { Libp2pNetwork } from '@reprise/p2p'
import { createNetwork } from '@reprise/p2p'
import type { Clock } from './clock.ts'
import { createClock } from './clock.ts'
import type { DataDir } from './data-dir.ts'
import { openDataDir } from './data-dir.ts'
import { RepositoryError } from './errors.ts'
import { Node } from './node.ts'
import type { NodeOptions, ResolvedOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import type { KeeperInit } from './repository/keeper.ts'
import { loadRepository } from './repository/keeper.ts'
import { openLmdbStore } from './repository/lmdb-store.ts'
import type { Sealer } from './seal.ts'
import { createSealer, deriveSealKey } from './seal.ts'

/**
 * Make a node, start it, and wait until it is ready (at most `readyMs`: when its peers cannot be reached it serves what it
 * has, and joins when it can).
 *
 * @throws UsageError for options that can never work; ListenError when an address cannot be listened on.
 */
export async function createNode(options: NodeOptions = {}): Promise<Node> {
  const resolved = resolveOptions(options)
  const clock = createClock()
  const { wallMs } = clock.now()
  const dataDir = resolved.dataDir === undefined ? undefined : await openDataDir(resolved.dataDir, wallMs)
  try {
    const node = await assemble(resolved, clock, dataDir)
    await node.start()
    await waitReady(node, resolved)
    return node
  } catch (error) {
    await dataDir?.release()
    throw error
  }
}

async function assemble(options: ResolvedOptions, clock: Clock, dataDir: DataDir | undefined): Promise<Node> {
  const network = await createNetwork({
    shardCount: SHARD_COUNT,
    clusterName: options.cluster,
    privateKey: dataDir?.privateKey,
    listen: options.listen,
    announce: options.announce,
    join: options.join,
    secret: options.secret,
    allow: options.allow,
    encryption: options.encryption,
    carrier: options.carrier,
    frameId: (frame) => frame.subarray(0, FRAME_ID_BYTES),
    logger: options.logger,
  })
  return await nodeOn(network, options, clock, dataDir)
}

/** A node on any network, not started yet. */
export async function nodeOn(
  network: Libp2pNetwork,
  options: ResolvedOptions,
  clock: Clock,
  dataDir: DataDir | undefined,
): Promise<Node> {
  const now = clock.now()
  const keyHash = await loadKeyHash()
  const replica = new Replica(
    {
      nodeId: network.nodeId,
      name: options.name ?? network.nodeId.slice(-8),
      incarnation: dataDir?.incarnation ?? Math.floor(now.wallMs),
      zone: options.zone,
      weight: options.weight,
      repository: options.repository?.shards ?? [],
      copies: options.copies,
      cacheBytesMax: options.cacheBytesMax,
      earlierMembers: [...joinedByName(options.join), ...(dataDir?.earlierMembers ?? [])],
      expectPeers: options.join.length > 0 || dataDir?.isReturning === true,
      keyHash,
      seed: randomInt(2 ** 32),
    },
    now,
  )
  const sealer = chooseSealer(options)
  const kept = await loadKept(options, clock, replica, keyHash)
  return new Node({ options, clock, network, replica, dataDir, sealer, kept })
}

/** What a repository with a directory kept, read into the replica. @throws RepositoryError */
async function loadKept(
  { repository, cluster }: ResolvedOptions,
  clock: Clock,
  replica: Replica,
  keyHash: KeyHash,
): Promise<KeeperInit | undefined> {
  const { changes } = replica
  if (repository?.directory === undefined || changes === undefined) return undefined
  const store = await openLmdbStore(repository.directory, repository.bytesMax)
  const init = { store, replica, keyHash, owner: { cluster, nodeId: replica.nodeId } }
  try {
    return { ...init, changes, clock: await loadRepository({ ...init, shards: repository.shards }, clock) }
  } catch (error) {
    await store.close()
    if (!(error instanceof RepositoryError)) throw error
    const { code, message } = error
    throw new RepositoryError(`repository in ${repository.directory}: ${message}`, { code, cause: error })
  }
}

/** Members that the join list names: they are dialled there, and missed while they are away. */
function joinedByName(join: readonly string[]): EarlierMember[] {
  return join.flatMap((address) => {
    const node = /\/p2p\/([^/]+)$/.exec(address)?.[1]
    return node === undefined ? [] : [{ node, addresses: [] }]
  })
}

function chooseSealer({ sealKeys, secret, cluster }: ResolvedOptions): Sealer | undefined {
  if (sealKeys !== undefined) return createSealer(sealKeys)
  return secret === undefined ? undefined : createSealer([deriveSealKey(secret, cluster)])
}

async function waitReady(node: Node, { readyMs, logger }: ResolvedOptions): Promise<void> {
  if (readyMs === 0) return
  try {
    await node.whenReady({ signal: AbortSignal.timeout(readyMs) })
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error
    logger?.warn('not ready yet: other members cannot be reached; serving what is here', { afterMs: readyMs })
  }
}
