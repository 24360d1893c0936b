/**
 * The way from one member to another: a port on loopback, and what was dialled through it. Each connection carries both directions, each on
 * the line of its own.
 *
 * A connection is made only where both lines are up, as a handshake needs both. Otherwise it is accepted, since a port cannot do less, and
 * hangs; when the lines are up again it goes on, unless its dialler gave up meanwhile.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { HUNG_CONNECTIONS_MAX, HUNG_SETTLE_MS } from './constants.ts'
import { Flow } from './flow.ts'
import type { Line } from './line.ts'
import { reset } from './reset.ts'

/** Where a member listens. */
export interface Target {
  readonly host: string
  readonly port: number
}

export interface ProxyRouteInit {
  /** From the dialler's side. */
  readonly there: Line
  readonly back: Line
  /** Where the dialled member listens now; undefined while it does not. */
  readonly target: () => Target | undefined
}

export class ProxyRoute {
  readonly #server: Server
  readonly #connections = new Set<ProxiedConnection>()

  constructor(init: ProxyRouteInit) {
    // Half open: each side ends when it has sent what it has.
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (dialler) => {
      const connection = new ProxiedConnection(dialler, init, () => this.#connections.delete(connection))
      this.#connections.add(connection)
      this.#dropOldestHung()
    })
  }

  /** The port that the dialler uses. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const connection of this.#connections) connection.close()
    await closed
  }

  #dropOldestHung(): void {
    const hung = [...this.#connections].filter((connection) => connection.isHung)
    if (hung.length > HUNG_CONNECTIONS_MAX) hung[0]?.close()
  }
}

class ProxiedConnection {
  readonly #dialler: Socket
  readonly #dialled = new Socket({ allowHalfOpen: true })
  readonly #init: ProxyRouteInit
  readonly #there: Flow
  readonly #back: Flow
  readonly #unwatch: (() => void)[]
  readonly #onGone: () => void
  #isHung = false
  #settling: NodeJS.Timeout | undefined

  constructor(dialler: Socket, init: ProxyRouteInit, onGone: () => void) {
    this.#dialler = dialler
    this.#init = init
    this.#onGone = onGone
    this.#dialled.setNoDelay()
    this.#there = new Flow({ source: dialler, sink: this.#dialled, line: init.there })
    this.#back = new Flow({ source: this.#dialled, sink: dialler, line: init.back })
    for (const socket of [dialler, this.#dialled]) socket.on('close', () => this.#onClosed())
    this.#unwatch = [init.there, init.back].map((line) => line.watch(() => this.#onLinesChanged()))
    if (this.#isPassable()) this.#connect()
    else this.#isHung = true
  }

  get isHung(): boolean {
    return this.#isHung
  }

  close(): void {
    this.#dialler.destroy()
    this.#dialled.destroy()
  }

  #isPassable(): boolean {
    return !(this.#init.there.isCut || this.#init.back.isCut)
  }

  #onLinesChanged(): void {
    clearTimeout(this.#settling)
    if (!(this.#isHung && this.#isPassable())) return
    this.#settling = setTimeout(() => this.#goOn(), HUNG_SETTLE_MS)
  }

  #goOn(): void {
    this.#isHung = false
    if (this.#there.hasEnded) this.close()
    else this.#connect()
  }

  #connect(): void {
    const target = this.#init.target()
    if (target === undefined) {
      // Nobody listens: refused.
      reset(this.#dialler)
      this.#dialled.destroy()
      return
    }
    this.#dialled.connect(target)
    this.#there.open()
    this.#back.open()
  }

  #onClosed(): void {
    if (!(this.#dialler.destroyed && this.#dialled.destroyed)) return
    clearTimeout(this.#settling)
    for (const unwatch of this.#unwatch) unwatch()
    this.#onGone()
  }
}
