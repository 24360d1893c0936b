/**
 * What a member sees of the network: peers that come and go, frames by topic, messages by lane.
 *
 * This interface is all that the rest of Reprise knows of a transport; libp2p stands behind it and nowhere else. It
 * delivers at most once and in no promised order across lanes: numbering, repair and membership are `core`'s work.
 */

/** The two ways of one pair of peers: `control` is small and always ahead; `bulk` carries sync and may wait. */
export type Lane = 'control' | 'bulk'

/** What the network tells its owner. Handlers run synchronously and must not throw; they queue and return. */
export interface NetworkEvents {
  /**
   * A peer was admitted and its control stream is open, speaking this version of the wire: the best that both ends know.
   * Fires again after every reconnect.
   */
  onPeerUp(nodeId: string, wire: number): void
  /** A peer's control stream ended. It is dialled again for as long as it is a known member. */
  onPeerDown(nodeId: string): void
  /** A peer now receives what is published to the shard. Fires at least once per connection and subscription. */
  onSubscriber(nodeId: string, shard: number): void
  /** A frame published by `from` itself (never relayed). Nobody changes the bytes afterwards; a copy of a small part is
   * better kept than the frame. */
  onFrame(from: string, shard: number, frame: Uint8Array): void
  /**
   * A message on a lane. Nobody changes the bytes afterwards. A promise returned for a `bulk` message holds
   * back the next one of that peer, and in the end its sender, until it resolves; it must not reject.
   */
  onMessage(from: string, lane: Lane, message: Uint8Array): void | Promise<void>
}

/** A started or startable network. Owned by one member. */
export interface Network {
  /** This member's id: the text of its peer id. */
  readonly nodeId: string
  /** Full multiaddrs at which this member can be reached; known after `start`. */
  readonly addresses: readonly string[]

  /** Listen, then dial the join list in the background. Resolves when listening. */
  start(events: NetworkEvents): Promise<void>
  /** Close everything and wait until it is closed. Safe twice. */
  stop(): Promise<void>

  /** Receive what others publish to the shard. Takes effect at once; peers learn of it in their own time. */
  subscribe(shard: number): void
  unsubscribe(shard: number): void

  /**
   * Hand a frame to every subscriber of the shard. The bytes must not be changed afterwards.
   * @returns the number of peers it was written to; a peer whose buffer is full is skipped, and misses it.
   */
  publish(shard: number, frame: Uint8Array): number

  /**
   * Send one message to a peer. The bytes must not be changed afterwards.
   * @returns false when there is no open lane to it or the lane's buffer is full: the message is dropped.
   */
  send(to: string, lane: Lane, message: Uint8Array): boolean

  /** Bytes that wait to be written to the peer, over all lanes and topics. */
  bufferedBytes(to: string): number

  /** The members to stay connected with, and where they listen. Replaces the former list; the join list is kept too. */
  setMembers(members: ReadonlyMap<string, readonly string[]>): void

  /** Ids of the peers with an open control stream. */
  readonly peers: readonly string[]
}
