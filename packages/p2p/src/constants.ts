/**
 * Every number that bounds or paces the network, with its reason.
 *
 * What an operator or a test may want to change is in `NetworkLimits`; what is part of the protocol, or follows from
 * libp2p, is a constant. The relations between them are asserted by `resolveLimits`, so that a limit which is raised alone
 * cannot silently meet its sibling.
 */
import { UsageError, WIRE_VERSION, WIRE_VERSION_MIN } from '@reprise/core'

const KIB = 1024
const MIB = 1024 * KIB

/** The versions of the wire that links offer, best first. Each is a control protocol of its own; a link speaks the first
 * that both ends know. */
export const WIRE_VERSIONS: readonly number[] = Array.from(
  { length: WIRE_VERSION - WIRE_VERSION_MIN + 1 },
  (_, older) => WIRE_VERSION - older,
)

/** Where a member listens when a join name carries no port. */
export const JOIN_PORT_DEFAULT = 4747

/**
 * How long a DNS server of a `dns+srv:` place may take, in milliseconds, and how often it is asked. A server that is away is
 * asked again with the next attempt to join; longer waits would only keep that one from beginning.
 */
export const DNS_TIMEOUT_MS = 2_000
export const DNS_TRIES = 2

/** Shortest cluster secret, in bytes: below it, recorded traffic can be guessed off-line. */
export const SECRET_BYTES_MIN = 16

/** Longest cluster name, in bytes: its length is one byte in the hello, and it is repeated in every topic. */
export const CLUSTER_NAME_BYTES_MAX = 64

/** Most shards of a cluster: gossipsub learns and keeps each subscription of each peer one by one. */
export const SHARD_COUNT_MAX = 1024

/** The bytes at the head of a frame that gossipsub takes as its id when the owner names none. */
export const FRAME_ID_BYTES = 48

/** Bytes of a control message before its payload: length and kind. */
export const CONTROL_HEADER_BYTES = 5

/** Bytes of a bulk message before its payload: length. */
export const BULK_HEADER_BYTES = 4

/** Bytes a bulk message is cut into for sending. What a control message may find before it in the muxer is one of these. */
export const BULK_CHUNK_BYTES: number = 64 * KIB

/** Bytes that the cipher of the pre-shared key is given at once. Far below the 640 KiB it has for all: see `secret.ts`. */
export const PROTECTED_CHUNK_BYTES: number = 64 * KIB

/** Longest turn of the event loop that reading bulk messages takes, in milliseconds. */
export const BULK_TURN_MS = 5

/** The oldest wire whose peers take frames over a stream of their own, whatever they publish with. */
export const DIRECT_WIRE_MIN = 2

/** Bytes a gossipsub RPC may add around a frame: topic, field tags and lengths. */
export const RPC_OVERHEAD_BYTES: number = KIB

/** What gossipsub charges for each topic of a peer besides its name (its constant `GossipsubTopicEntryOverhead`). */
export const TOPIC_ENTRY_BYTES: number = KIB

/** Gossipsub's heartbeat, in milliseconds. It only ages caches here, since there is no mesh to maintain. */
export const GOSSIP_HEARTBEAT_MS = 1_000

/**
 * How long gossipsub remembers a frame id, in milliseconds. Frames travel one hop and streams number them, so this only
 * has to outlive one delivery; the memory is ids × frames per second × this.
 */
export const GOSSIP_SEEN_MS = 5_000

/** How long opening gossipsub's stream to one peer may take: gossipsub opens them one after the other, for all peers. */
export const GOSSIP_OPEN_MS = 2_000

/** Streams of one protocol that a peer may have open on a connection: one lives, one may be replacing it, two to spare. */
export const STREAMS_PER_PROTOCOL_MAX = 4

/** Streams on one connection, each way: gossipsub, direct, control, bulk and identify, with room for their replacements. */
export const STREAMS_PER_CONNECTION_MAX = 32

/** The first receive window of a stream, the least that yamux permits. It doubles up to `streamWindowBytesMax`. */
export const STREAM_WINDOW_BYTES_FIRST: number = 256 * KIB

/** How often the links and the gossipsub streams are looked at, in milliseconds. Bounds how late a zombie is noticed. */
export const WATCH_MS = 250

/** How long closing a connection or stopping waits for the other side before it is cut, in milliseconds. */
export const CLOSE_MS = 1_000

/**
 * How long a network waits for its host to listen before it dials others all the same, in milliseconds. Hosts listen within a
 * few; one that cannot listen at an address of its list never says so.
 */
export const LISTEN_MS = 1_000

/** Attempts after which the back-off no longer doubles: 2^10 × any base is over any cap. */
export const BACKOFF_DOUBLINGS_MAX = 10

/** Connections in a row that a peer may take and end without a hello before it is only tried again slowly. */
export const REFUSALS_MAX = 3

/** The limits of a network. All have defaults; raise one and the others that it meets are checked. */
export interface NetworkLimits {
  /** Largest frame, in bytes. Twice core's 64 KiB, so that core's header never meets it. Buffers grow with it. */
  readonly frameBytesMax: number
  /** Largest control message, in bytes. One of them can delay the next control message by its transfer. */
  readonly controlMessageBytesMax: number
  /** Largest bulk message, in bytes. A receiver assembles one per peer. */
  readonly bulkMessageBytesMax: number
  /** Bytes queued on a peer's control lane before `send` returns false. Memory: peers × this. */
  readonly controlBufferBytesMax: number
  /** Bytes queued on a peer's bulk lane before `send` returns false. Memory: peers × this. */
  readonly bulkBufferBytesMax: number
  /**
   * Bytes waiting in a peer's gossipsub stream before frames for it are skipped. Skipped frames are repaired by number, so
   * this trades memory (peers × this) against repairs after a burst.
   */
  readonly gossipBufferBytesMax: number
  /** The same for a peer's direct stream. */
  readonly directBufferBytesMax: number
  /**
   * Largest receive window of a stream, in bytes; what a peer may have under way on it. Raising it costs memory (streams ×
   * this) and lets more bulk stand before a control message; lowering it costs throughput (this / round trip).
   */
  readonly streamWindowBytesMax: number
  /** Connections at once, members and strangers together. */
  readonly connectionsMax: number
  /** Incoming connections that are still in their handshake. A flood of silent ones fills this and nothing else. */
  readonly pendingConnectionsMax: number
  /** Incoming connections per second from one address. Many members share one behind NAT, on one host and in tests. */
  readonly connectionsPerSecondMax: number
  /** Dials under way at once. */
  readonly dialsMax: number
  /** How long one dial may take, handshakes included, in milliseconds. */
  readonly dialMs: number
  /** How long a connection may exist without a valid hello, in milliseconds. */
  readonly helloMs: number
  /** First and longest pause before dialling again, in milliseconds; full jitter, doubling in between. */
  readonly redialMinMs: number
  readonly redialMaxMs: number
  /** Pause before dialling again a peer that refused us or does not fit (other cluster, version, shards), in milliseconds. */
  readonly refusedMs: number
  /** How often join names are resolved again when everybody they name is connected, in milliseconds. */
  readonly joinRefreshMs: number
  /** How long the receiver of a second connection waits for its dialler to close it, in milliseconds. */
  readonly duplicateMs: number
  /** Quiet time after which a peer is asked for a sign of life on its control stream, in milliseconds. */
  readonly pingMs: number
  /**
   * Silence after which a connection is cut and dialled again, in milliseconds of a running event loop. Suspecting a member
   * is core's work and faster; this only finds connections that TCP would keep for minutes. Lowering it cuts lossy links.
   */
  readonly silenceMs: number
  /**
   * How long a connected peer may be without a stream for frames before it is a zombie and cut, in milliseconds of a running
   * event loop. A new stream is asked for every 250 ms of it, which heals what can be healed without a cut.
   */
  readonly zombieMs: number
  /** How long a stream for frames may hold unsent bytes without any progress before it is cut, in milliseconds. */
  readonly stallMs: number
}

/** The defaults, made for 3 to 100 members. */
export const NETWORK_LIMITS: NetworkLimits = {
  frameBytesMax: 128 * KIB,
  controlMessageBytesMax: MIB,
  bulkMessageBytesMax: 4 * MIB,
  controlBufferBytesMax: 4 * MIB,
  bulkBufferBytesMax: 8 * MIB,
  gossipBufferBytesMax: 4 * MIB,
  directBufferBytesMax: 4 * MIB,
  streamWindowBytesMax: MIB,
  connectionsMax: 300,
  pendingConnectionsMax: 256,
  connectionsPerSecondMax: 1_000,
  dialsMax: 16,
  dialMs: 5_000,
  helloMs: 10_000,
  redialMinMs: 200,
  redialMaxMs: 5_000,
  refusedMs: 30_000,
  joinRefreshMs: 30_000,
  duplicateMs: 1_000,
  pingMs: 2_000,
  silenceMs: 10_000,
  zombieMs: 5_000,
  stallMs: 10_000,
}

/** Unread bytes that a stream may hold: a full window, and the one that was granted while it was being read. */
export const readBufferBytesMax = (limits: NetworkLimits): number => 2 * limits.streamWindowBytesMax

/**
 * Unsent bytes at which libp2p cuts a stream by itself. It is the last resort and comes well after every limit above has
 * refused: twice what the fullest stream may hold, and a frame.
 */
export const writeBufferBytesMax = (limits: NetworkLimits): number =>
  2 *
    Math.max(
      limits.gossipBufferBytesMax,
      limits.directBufferBytesMax,
      limits.controlBufferBytesMax,
      limits.bulkBufferBytesMax,
    ) +
  limits.frameBytesMax

/**
 * Complete the limits and check how they relate.
 * @throws UsageError when one is not a positive number, or two of them contradict each other.
 */
export const resolveLimits = (given: Partial<NetworkLimits> = {}): NetworkLimits => {
  const limits = { ...NETWORK_LIMITS, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isFinite(value) && value > 0)) throw new UsageError(`limits.${name} must be a positive number`)
  }
  const atLeast = (name: keyof NetworkLimits, least: number, why: string): void => {
    if (limits[name] < least) throw new UsageError(`limits.${name} is ${limits[name]}, but must be ≥ ${least}: ${why}`)
  }
  atLeast('controlBufferBytesMax', limits.controlMessageBytesMax + CONTROL_HEADER_BYTES, 'the largest message must fit')
  atLeast('bulkBufferBytesMax', limits.bulkMessageBytesMax + BULK_HEADER_BYTES, 'the largest message must fit')
  atLeast('gossipBufferBytesMax', limits.frameBytesMax, 'the largest frame must fit')
  atLeast('directBufferBytesMax', limits.frameBytesMax, 'the largest frame must fit')
  atLeast('streamWindowBytesMax', STREAM_WINDOW_BYTES_FIRST, 'windows start there')
  atLeast('redialMaxMs', limits.redialMinMs, 'the pause grows from the one to the other')
  atLeast('silenceMs', 2 * limits.pingMs, 'a ping needs time to be answered')
  atLeast('zombieMs', 2 * WATCH_MS, 'a stream must have been missing at two looks')
  return limits
}
