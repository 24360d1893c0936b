/**
 * What a client asks of a member, and what the member answers: the session operations of a web application, as data that can be sent to
 * another process. A request is a resume, what it does to the session that was found, and the end of its hold on it.
 */

/** `session` is its id; `item` goes into the cart as a portion of its own, so that two carts of one session merge to both. */
export type SessionCall =
  | {
      readonly kind: 'create'
      readonly session: string
      readonly item: string
      readonly itemBytes: number
      readonly copies: number
      readonly idleMs: number
      readonly absoluteMs: number
    }
  | { readonly kind: 'resume'; readonly session: string; readonly token: string | undefined }
  | {
      readonly kind: 'commit'
      readonly handle: number
      readonly item: string
      readonly itemBytes: number
      readonly copies: number
    }
  | { readonly kind: 'touch'; readonly handle: number }
  | { readonly kind: 'drop'; readonly handle: number; readonly copies: number }

export type SessionAnswer = Done | Refused

/** What was asked for was done. */
export interface Done {
  readonly isDone: true
  /** Of a create and a commit: proof of it, and what is in the cart now. */
  readonly token?: string
  readonly items?: readonly string[]
  /** Of a resume. */
  readonly found?: 'complete' | 'partial' | 'absent' | 'unknown'
  /** Of a resume that found something: what later calls name it by. Each of these ends it. */
  readonly handle?: number
}

/** It was not, or nobody can say. */
export interface Refused {
  readonly isDone: false
  /** It has had no effect and will have none. */
  readonly isCertain: boolean
  /** The error's code and text. */
  readonly error: string
}

/** How a member is. */
export interface Condition {
  readonly state: 'starting' | 'ready' | 'catching-up' | 'draining'
  readonly lagFrames: number
  readonly reachable: number
  readonly sessions: number
}
