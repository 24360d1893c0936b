/**
 * What a protocol is to the server around it: one client's conversation, without its socket.
 *
 * ```
 *   receive(bytes) ──► work() ──► take() ──► the socket
 *                        ▲           │
 *                        └── 'full' ─┘      'more': it needs further bytes     'end': say no more
 * ```
 */
import type { Answer } from './store/key-value.ts'

/** Why `work` stopped. */
export type WorkState = 'more' | 'full' | 'end'

export interface Conversation {
  /** Bytes that were received and not worked off: a request that is not complete, and what is behind it. */
  readonly bufferedBytes: number
  /** Take what the client sent. The chunk is the conversation's from now on. */
  receive(chunk: Buffer): void
  /**
   * Answer what is complete, in order. Stops at `'full'` when answers shall be taken before it goes on: there are more than a client
   * should make us keep, or they should not wait for the next one.
   * Not called again before it is done. Never rejects: what is wrong with a request is an answer.
   */
  work(): Answer<WorkState>
  /** The answers so far, to be sent; undefined: there are none. */
  take(): Buffer | undefined
  /** The client has gone. Once; nothing is called after it. */
  close(): void
}
