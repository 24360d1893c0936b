/**
 * What happened in a run, for who draws it: everything that was sent, and what nodes and clients did.
 */

/** Something that was sent from one node to another. */
export interface Transfer {
  readonly from: number
  readonly to: number
  readonly kind: string
  readonly bytes: number
  readonly sentAtMs: number
  /** Undefined: it never arrived. */
  readonly arrivesAtMs: number | undefined
}

export type MarkKind =
  | 'start'
  | 'crash'
  | 'pause'
  | 'wake'
  | 'ready'
  | 'left'
  | 'commit'
  | 'confirmed'
  | 'drop'
  | 'complete'
  | 'partial'
  | 'absent'
  | 'unknown'
  | 'heal'
  | 'violation'

/** Something that happened at a node, or, without one, to all. */
export interface Mark {
  readonly kind: MarkKind
  readonly node: number | undefined
  readonly atMs: number
  /** The session it is about, if it is about one. */
  readonly key: string | undefined
  readonly text: string
}

export class Recorder {
  readonly transfers: Transfer[] = []
  readonly marks: Mark[] = []

  transfer(transfer: Transfer): void {
    this.transfers.push(transfer)
  }

  mark(mark: Mark): void {
    this.marks.push(mark)
  }
}

/** What a message is, by its number on the wire, which is its first byte. */
export function kindOfMessage(bytes: Uint8Array): string {
  return MESSAGE_KINDS[bytes[0] as number] ?? `message ${bytes[0]}`
}

/** Message numbers are part of the wire format and never change. */
const MESSAGE_KINDS: readonly (string | undefined)[] = [
  undefined,
  'greeting',
  'refused',
  'heartbeat',
  'members',
  'join',
  'hello',
  'leave',
  'ack',
  'nack',
  'gone',
  'repair',
  'probe',
  'push',
  'pull',
  'answer',
  'sync-ask',
  'sync-offer',
  'sync-list',
  'sync-items',
  'sync-want',
  'sync-records',
]
