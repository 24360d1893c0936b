/** What the gateway knows of one client. It ends with the connection, and most of it with `RESET`. */

export interface ClientInit {
  /** Unique while the gateway runs. */
  readonly id: number
  readonly connectedAtUnixMs: number
  /** Who it is without having said so; undefined when it must. */
  readonly user: string | undefined
}

export class Client {
  readonly id: number
  readonly connectedAtUnixMs: number
  /** Whose password it gave; undefined until it gave one that is needed. */
  user: string | undefined
  /** By `CLIENT SETNAME`. */
  name = ''
  /** By `CLIENT SETINFO`. */
  libraryName = ''
  libraryVersion = ''
  /** What it asked last, for `CLIENT INFO`. */
  lastCommand = ''
  /** It said goodbye: its connection ends when it has its replies. */
  isLeaving = false
  readonly #userAtFirst: string | undefined

  constructor({ id, connectedAtUnixMs, user }: ClientInit) {
    this.id = id
    this.connectedAtUnixMs = connectedAtUnixMs
    this.user = user
    this.#userAtFirst = user
  }

  /** Forget what it said, as if it had just connected. */
  reset(): void {
    this.user = this.#userAtFirst
    this.name = ''
  }
}
