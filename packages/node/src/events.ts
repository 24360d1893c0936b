/**
 * The events of a node: their names and arguments, in one place, for whoever emits them, passes them on or counts them.
 */

/** The events of a node, by name, with their arguments. */
export interface NodeEvents {
  /** A member came, or came back after a suspicion. */
  'member:up': [{ readonly nodeId: string; readonly name: string }]
  /** A member is silent or its connection was lost. Its shards stay where they are for now. */
  'member:suspect': [{ readonly nodeId: string; readonly name: string }]
  /** A member hands over what it holds and will go. It is given nothing any more. */
  'member:leaving': [{ readonly nodeId: string; readonly name: string }]
  /** A member left, or was silent so long that its shards move. */
  'member:down': [{ readonly nodeId: string; readonly name: string; readonly reason: 'left' | 'dead' }]
  /** Another node became primary of a session that this node was primary of. */
  'session:superseded': [{ readonly id: Uint8Array; readonly by: string }]
  /** A session left this node's cache for want of room. */
  'session:evicted': [{ readonly id: Uint8Array }]
  /** Some of a large value left this node's cache for want of room; the rest of its session is here. */
  'portion:evicted': [{ readonly id: Uint8Array; readonly portion: string }]
  /** Two primaries wrote a session without knowing of each other; both writes are kept, per portion the later one. */
  conflict: [{ readonly id: Uint8Array }]
  /** Frames of a sender are missing here and were asked for. */
  gap: [{ readonly sender: string; readonly shard: number; readonly missing: number }]
  /** They are here now. */
  repaired: [{ readonly sender: string; readonly shard: number; readonly frames: number }]
  /** This node became a complete holder of a shard, or gave it to others. */
  'shard:ready': [{ readonly shard: number }]
  'shard:left': [{ readonly shard: number }]
  /** Nobody had what was there before, and these members did not come back in time: what only they hold is unknown here. */
  'members:missing': [{ readonly nodeIds: readonly string[] }]
  /** This node stopped before these shards were at all who shall hold them: as if it had crashed, for these. */
  'handover:incomplete': [{ readonly shards: readonly number[] }]
  /** The disk does not take what this repository shall keep: it goes on in memory, and tries again. */
  'repository:degraded': [{ readonly code: string; readonly reason: string }]
  /** It does again. What was missed is being written. */
  'repository:recovered': [{ readonly degradedMs: number }]
  /** The node stopped by itself because an invariant broke. Its sessions are safe at the others. */
  failed: [unknown]
}

/** The names of all events, for who listens to each. */
export const NODE_EVENTS: readonly (keyof NodeEvents)[] = Object.keys({
  'member:up': true,
  'member:suspect': true,
  'member:leaving': true,
  'member:down': true,
  'session:superseded': true,
  'session:evicted': true,
  'portion:evicted': true,
  conflict: true,
  gap: true,
  repaired: true,
  'shard:ready': true,
  'shard:left': true,
  'members:missing': true,
  'handover:incomplete': true,
  'repository:degraded': true,
  'repository:recovered': true,
  failed: true,
  // A name that is missing here does not compile.
} satisfies Record<keyof NodeEvents, true>) as (keyof NodeEvents)[]
