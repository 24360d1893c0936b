/**
 * What the simulated network keeps: of a node, of a pair's connection with its two ends, and of a direction between two
 * nodes. State only; `network.ts` decides.
 */
import type { Lane } from '@reprise/core'

/** What the network keeps of a node. */
export class Station {
  isUp = false
  isPaused = false
  /** Counts its pauses. */
  pauses = 0
  /** Counts the starts of its process. */
  life = 0
  /** After a crash: until when what it had sent still arrives. */
  lastWordsUntilMs: number = Number.NEGATIVE_INFINITY
  readonly subscriptions: Set<number> = new Set()
  readonly #known = new Map<number, Set<number>>()

  /** The shards that this node knows the peer to be subscribed to. */
  known(peer: number): Set<number> {
    let known = this.#known.get(peer)
    if (known === undefined) {
      known = new Set()
      this.#known.set(peer, known)
    }
    return known
  }
}

export interface Message {
  readonly lane: Lane
  readonly bytes: Uint8Array
}

export class Connection {
  readonly a: number
  readonly b: number
  readonly #ends: readonly [End, End] = [new End(), new End()]

  constructor(a: number, b: number) {
    this.a = Math.min(a, b)
    this.b = Math.max(a, b)
  }

  end(node: number): End {
    return node === this.a ? this.#ends[0] : this.#ends[1]
  }

  peerOf(node: number): number {
    return node === this.a ? this.b : this.a
  }
}

export class End {
  /** Its node believes in the connection. */
  isOpen = false
  isGivenUp = false
  /** When the last message per lane arrives here: the next one arrives no earlier. */
  readonly lastAtMs: Record<Lane, number> = { control: 0, bulk: 0 }
  /** Messages that came while the direction was blocked, in order. */
  readonly held: Message[] = []
  /** What this end sent does not arrive after this time: its process is gone. */
  lastWordsUntilMs: number = Number.POSITIVE_INFINITY
}

/** What is wrong from one node to another. */
export class Direction {
  /** Nothing gets through while this is above 0. */
  blocks = 0
  /** Everything is refused while this is above 0. */
  refusals = 0
  /** Something gets through only every so many milliseconds; 0: at once. */
  gapMs = 0
  /** When the last thing in the queue of a slow direction gets through. */
  lastAtMs = 0
}
