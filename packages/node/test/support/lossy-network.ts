/** A real network that loses what a test wants lost, on the way or after it arrived, and remembers what it published. */
import type { Lane, Libp2pNetwork, NetworkEvents, NetworkStats } from '@reprise/p2p'

export class LossyNetwork implements Libp2pNetwork {
  /** All frames that the member wanted published, those that were lost included. */
  readonly published: Uint8Array[] = []
  /** How many frames came in and were not handed on. */
  dropped = 0
  /** Whether the member's nth frame is lost on the way to everybody. */
  isLost: (n: number) => boolean = () => false
  /** Whether the nth frame that came in is lost above the transport. */
  isDropped: (n: number) => boolean = () => false
  readonly #network: Libp2pNetwork

  constructor(network: Libp2pNetwork) {
    this.#network = network
  }

  get nodeId(): string {
    return this.#network.nodeId
  }

  get addresses(): readonly string[] {
    return this.#network.addresses
  }

  get peers(): readonly string[] {
    return this.#network.peers
  }

  start(events: NetworkEvents): Promise<void> {
    let count = 0
    return this.#network.start({
      ...events,
      onFrame: (from, shard, frame) => {
        if (this.isDropped(++count)) this.dropped++
        else events.onFrame(from, shard, frame)
      },
    })
  }

  publish(shard: number, frame: Uint8Array): number {
    this.published.push(frame)
    return this.isLost(this.published.length) ? 0 : this.#network.publish(shard, frame)
  }

  stop(): Promise<void> {
    return this.#network.stop()
  }

  subscribe(shard: number): void {
    this.#network.subscribe(shard)
  }

  unsubscribe(shard: number): void {
    this.#network.unsubscribe(shard)
  }

  send(to: string, lane: Lane, message: Uint8Array): boolean {
    return this.#network.send(to, lane, message)
  }

  bufferedBytes(to: string): number {
    return this.#network.bufferedBytes(to)
  }

  setMembers(members: ReadonlyMap<string, readonly string[]>): void {
    this.#network.setMembers(members)
  }

  stats(): NetworkStats {
    return this.#network.stats()
  }

  setAllow(allow: readonly string[] | undefined): void {
    this.#network.setAllow(allow)
  }
}
