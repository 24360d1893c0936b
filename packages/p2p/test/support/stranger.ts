/**
 * A libp2p node that knows how to connect to a member, and then does as a test likes: it opens any stream, or none, and
 * writes anything. It may say a proper hello first, and is then a peer that is up.
 */

import { identify } from '@libp2p/identify'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { generateIdentity } from '@reprise/p2p'
import { createLibp2p, type Libp2p } from 'libp2p'
import { NETWORK_LIMITS } from '../../src/constants.ts'
import { ControlLane } from '../../src/control-lane.ts'
import { resolvePrivateKey } from '../../src/identity.ts'
import { protectWith } from '../../src/secret.ts'
import type { Member } from './member.ts'

const CONTROL = '/reprise/reprise/control/1'
const GOSSIP = '/reprise/reprise/gossip/1'

/** Every protocol that a member of the cluster `reprise` takes streams of. */
export const PROTOCOLS: readonly string[] = [
  CONTROL,
  '/reprise/reprise/control/2',
  '/reprise/reprise/bulk/1',
  '/reprise/reprise/frames/1',
  GOSSIP,
  '/meshsub/1.1.0',
  '/ipfs/id/1.0.0',
]

const strangers: Libp2p[] = []

/** For `afterEach`. */
export const stopStrangers = async (): Promise<void> => {
  await Promise.all(strangers.splice(0).map((libp2p) => libp2p.stop()))
}

interface StrangerInit {
  readonly secret?: string
  /** Whether its id is below the server's, so that it is the one to choose the connection. */
  readonly isOpener: boolean
}

export class Stranger {
  readonly libp2p: Libp2p
  readonly #server: Member
  readonly #isOpener: boolean
  /** What the server wrote, on whatever stream. */
  bytesHeard = 0

  static async start(server: Member, { secret, isOpener }: StrangerInit): Promise<Stranger> {
    let identity = await generateIdentity()
    while (identity.nodeId < server.id !== isOpener) identity = await generateIdentity()
    const libp2p = await createLibp2p({
      privateKey: await resolvePrivateKey(identity.privateKey),
      transports: [tcp()],
      connectionEncrypters: [tls()],
      ...(secret === undefined ? {} : { connectionProtector: protectWith(secret) }),
      connectionMonitor: { enabled: false },
      streamMuxers: [yamux()],
      services: { identify: identify() },
    })
    strangers.push(libp2p)
    return new Stranger(libp2p, server, isOpener)
  }

  private constructor(libp2p: Libp2p, server: Member, isOpener: boolean) {
    this.libp2p = libp2p
    this.#server = server
    this.#isOpener = isOpener
  }

  get id(): string {
    return this.libp2p.peerId.toString()
  }

  /** One more connection. */
  connect(): Promise<Connection> {
    return this.libp2p.dial(multiaddr(this.#server.address), { force: true })
  }

  /** Open a stream and write pieces to it. Resolves with the stream, or without when the server does not take it. */
  async open(connection: Connection, protocol: string, pieces: readonly Uint8Array[]): Promise<Stream | undefined> {
    try {
      const stream = await connection.newStream([protocol], { maxOutboundStreams: 100 })
      stream.addEventListener('message', ({ data }) => {
        this.bytesHeard += data.byteLength
      })
      for (const piece of pieces) stream.send(piece)
      return stream
    } catch {
      return undefined
    }
  }

  /** Connect and say a proper hello. @returns the connection, and the control lane on it, once the server knows. */
  async becomePeer(): Promise<{ connection: Connection; lane: ControlLane; control: Stream }> {
    const taken = Promise.withResolvers<Stream>()
    if (!this.#isOpener) await this.libp2p.handle(CONTROL, (stream) => taken.resolve(stream))
    await this.libp2p.handle(['/reprise/reprise/bulk/1', '/reprise/reprise/frames/1', GOSSIP], () => {})
    const connection = await this.connect()
    const control = this.#isOpener ? await connection.newStream([CONTROL]) : await taken.promise
    const hello = { version: 1, shardCount: 8, clusterName: 'reprise' }
    const common = { limits: NETWORK_LIMITS, nowMs: () => performance.now() }
    const lane = await new Promise<ControlLane>((resolve, reject) => {
      const made: ControlLane = new ControlLane(
        { stream: control, peer: this.#server.id, hello, opener: this.#isOpener, ...common },
        { onOpen: () => setImmediate(() => resolve(made)), onMessage: () => {}, onEnd: (error) => reject(error) },
      )
    })
    return { connection, lane, control }
  }
}
