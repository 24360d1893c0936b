/**
 * What a gateway did, in numbers that mean the same whatever protocol it speaks: for metrics. Its clients are told in their own
 * words, by `stats` and `INFO`.
 */

/** Counted since the gateway began, but for what is open now. */
export interface GatewayFigures {
  /** None of a gateway that is spoken to in datagrams. */
  readonly connections?: ConnectionFigures
  /** Requests that were understood as one or refused as none. */
  readonly commands: number
  /** Commands that were refused, or could not be carried out. */
  readonly errors: number
  /** Values that were asked for, and were found. */
  readonly hits: number
  /** Values that were asked for, and were not found in time, or not at all. */
  readonly misses: number
  readonly bytes: { readonly in: number; readonly out: number }
}

export interface ConnectionFigures {
  /** Now. */
  readonly open: number
  readonly accepted: number
  /** Closed because there were too many, or because too much was waiting. */
  readonly refused: number
}

/** What the conversations of a gateway know of it. */
export interface ConversationFigures extends Omit<GatewayFigures, 'connections'> {
  /** Conversations that were begun. */
  readonly accepted: number
}
