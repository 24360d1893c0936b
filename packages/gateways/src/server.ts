/**
 * Sockets around conversations: what the gateways that are spoken to over connections share.
 *
 * Each connection is worked off in order, one request after the other, since the next may depend on it. What a client sends
 * meanwhile is read up to a bound, and then left to the network; a client that does not take its answers is not answered
 * further. What came of all clients together is answered together (`rounds.ts`). An idle connection has no buffer, no timer and
 * no promise.
 */
import { chmod, unlink } from 'node:fs/promises'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { UsageError } from '@reprise/core'
import type { Logger } from '@reprise/node'
import {
  BUFFERED_BYTES_MAX_DEFAULT,
  CONNECTIONS_MAX_DEFAULT,
  READ_AHEAD_BYTES_MAX,
  STOP_MS_MAX,
  UNSENT_BYTES_MAX,
} from './constants.ts'
import type { Conversation, WorkState } from './conversation.ts'
import type { Credentials } from './credentials.ts'
import { assertCredentials } from './credentials.ts'
import type { ConversationFigures, GatewayFigures } from './figures.ts'
import type { ListenAddress } from './listen-address.ts'
import { isLocal, parseListenAddress, showListenAddress } from './listen-address.ts'
import { Rounds } from './rounds.ts'

/** What every gateway with connections can be told. */
export interface GatewayServerOptions {
  /** `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`. A socket in the file system is this user's alone, mode 0600. */
  readonly listen: string
  /** What clients must show first. Default: nothing. */
  readonly credentials?: Credentials
  /**
   * Listen where other machines can connect: what they say, credentials included, crosses the network in the clear. Needs credentials.
   * Default false.
   */
  readonly exposed?: boolean
  /** Connections at once; further ones are closed. Default 16,384. */
  readonly connectionsMax?: number
  /** Bytes of requests that are not complete, over all connections. Default 256 MiB. */
  readonly bufferedBytesMax?: number
  /** Default: silent. Keys and values are never logged. */
  readonly logger?: Logger
}

export interface GatewayServerInit {
  /** For logs: `memcached`, `resp`. */
  readonly name: string
  readonly options: GatewayServerOptions
  /** Begin a conversation. */
  open(): Conversation
  /** What all of them have counted. */
  figures(): ConversationFigures
  /** All of them are over. */
  onStop?(): void
}

/** Listen. Resolves when connections are taken. @throws UsageError for options that would open the store to everybody, or the system's error. */
export async function serve(init: GatewayServerInit): Promise<GatewayServer> {
  const { options, name } = init
  const address = parseListenAddress(options.listen)
  if (options.credentials !== undefined) assertCredentials(options.credentials)
  if (!isLocal(address) && (options.credentials === undefined || options.exposed !== true)) {
    throw new UsageError(
      `${name} at ${showListenAddress(address)} can be reached from elsewhere; listen on 127.0.0.1 or unix:PATH, or give credentials and say exposed`,
    )
  }
  const server = new GatewayServer(init, address)
  await server.start()
  return server
}

/** A gateway that listens. Made by the gateways' own functions. */
export class GatewayServer {
  readonly #init: GatewayServerInit
  readonly #wanted: ListenAddress
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  readonly #rounds = new Rounds()
  #bufferedBytes = 0
  #refused = 0
  #stopping: Promise<void> | undefined

  /** @internal */
  constructor(init: GatewayServerInit, address: ListenAddress) {
    this.#init = init
    this.#wanted = address
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#onSocket(socket))
    this.#server.maxConnections = init.options.connectionsMax ?? CONNECTIONS_MAX_DEFAULT
    this.#server.on('drop', () => {
      this.#refused += 1
    })
  }

  /** Where it listens, with the port that the system chose. */
  get address(): ListenAddress {
    const bound = this.#server.address()
    return isAddressInfo(bound) ? { host: bound.address, port: bound.port } : this.#wanted
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size
  }

  /** Connections that were closed because there were too many, or too much was waiting. */
  get refused(): number {
    return this.#refused
  }

  /** What this gateway did, counted; also when it has stopped. */
  figures(): GatewayFigures {
    const { accepted, ...figures } = this.#init.figures()
    return { connections: { open: this.connections, accepted, refused: this.refused }, ...figures }
  }

  /** Called once, by `serve`. @internal */
  async start(): Promise<void> {
    const wanted = this.#wanted
    if ('path' in wanted) {
      await removeAbandoned(wanted.path)
      // Nobody else may connect, not even before the mode is set. The socket is made before the call returns.
      const mask = process.umask(0o177)
      const listening = this.#listen(wanted)
      process.umask(mask)
      await listening
      await chmod(wanted.path, 0o600)
    } else await this.#listen(wanted)
    const { name, options } = this.#init
    options.logger?.info(`${name} listens`, { address: showListenAddress(this.address) })
  }

  /** Take no more connections, finish what is under way, within a second, and close. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    await this.#stopping
  }

  async #listen(address: ListenAddress): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(address, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    this.#server.on('error', (error) => {
      this.#init.options.logger?.warn(`${this.#init.name}: a connection could not be taken`, { error: error.message })
    })
  }

  async #stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const gone = [...this.#connections].map((connection) => connection.whenClosed())
    for (const connection of this.#connections) connection.finish()
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy()
    }, STOP_MS_MAX)
    await Promise.all([closed, ...gone])
    clearTimeout(timer)
    this.#init.onStop?.()
  }

  #onSocket(socket: Socket): void {
    const connection: Connection = new Connection(socket, this.#init.open(), {
      onBuffered: (bytes) => this.#mayBuffer(bytes),
      onRequest: () => this.#rounds.add(connection),
      onClose: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    if (this.#stopping !== undefined) connection.finish()
  }

  /** @param bytes more or fewer than before. @returns whether that is within bounds. */
  #mayBuffer(bytes: number): boolean {
    this.#bufferedBytes += bytes
    const { name, options } = this.#init
    if (bytes <= 0 || this.#bufferedBytes <= (options.bufferedBytesMax ?? BUFFERED_BYTES_MAX_DEFAULT)) return true
    this.#refused += 1
    options.logger?.warn(`${name}: too much is waiting, a connection is closed`, { bytes: this.#bufferedBytes })
    return false
  }
}

interface ConnectionPorts {
  onBuffered(bytes: number): boolean
  /** There is something to `work` off. */
  onRequest(): void
  onClose(): void
}

class Connection {
  readonly #socket: Socket
  readonly #conversation: Conversation
  readonly #ports: ConnectionPorts
  #buffered = 0
  /** Requests are being worked off, or wait for their round, or until the client takes answers. */
  #isBusy = false
  /** The client does not take its answers. */
  #isBlocked = false
  /** What is complete is answered, and nothing else. */
  #isFinishing = false
  /** Nothing is answered any more. */
  #isOver = false
  /** What the last work came to. */
  #state: WorkState | Promise<WorkState> = 'more'

  constructor(socket: Socket, conversation: Conversation, ports: ConnectionPorts) {
    this.#socket = socket
    this.#conversation = conversation
    this.#ports = ports
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('end', () => this.finish())
    socket.on('drain', () => this.#onDrain())
    // It is closed then; there is nobody to tell.
    socket.on('error', () => {})
    socket.on('close', () => this.#onClose())
  }

  /** Answer what came completely, and close. */
  finish(): void {
    this.#isFinishing = true
    if (!this.#isBusy && !this.#isOver) this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  whenClosed(): Promise<void> {
    return new Promise((resolve) => this.#socket.once('close', () => resolve()))
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return
    this.#conversation.receive(chunk)
    if (!this.#count()) {
      this.destroy()
      return
    }
    if (!this.#isBusy) {
      this.#isBusy = true
      this.#ports.onRequest()
    } else if (this.#buffered > READ_AHEAD_BYTES_MAX) this.#socket.pause()
  }

  #onDrain(): void {
    if (this.#isBusy && this.#isBlocked) {
      this.#isBlocked = false
      this.work()
      this.answer()
    }
  }

  /** Work off what is there, as far as it goes for now. */
  work(): void {
    if (!this.#isOver) this.#state = this.#conversation.work()
  }

  /** Say what came of it, and go on for as long as there is more. */
  answer(): void {
    while (!this.#isOver) {
      const state = this.#state
      if (state instanceof Promise) {
        // What is answered by now need not wait for what is not.
        this.#send()
        void state.then((then) => this.#goOn(then))
        return
      }
      if (!this.#proceed(state)) return
      this.work()
    }
  }

  #goOn(then: WorkState): void {
    if (this.#isOver || !this.#proceed(then)) return
    this.work()
    this.answer()
  }

  /** @returns whether there is more to work off now. */
  #proceed(state: WorkState): boolean {
    const isTaken = this.#send()
    this.#count()
    if (state === 'end') {
      this.#isOver = true
      this.#socket.end()
      // What else it sends is not listened to, and must not hold up the end.
      this.#socket.resume()
      return false
    }
    if (!isTaken) {
      this.#isBlocked = true
      this.#socket.pause()
      return false
    }
    if (state === 'full') return true
    this.#isBusy = false
    if (this.#isFinishing) this.#socket.end()
    else if (this.#socket.isPaused()) this.#socket.resume()
    return false
  }

  /** @returns whether the client takes its answers. */
  #send(): boolean {
    const answers = this.#conversation.take()
    if (answers !== undefined && !this.#socket.destroyed) this.#socket.write(answers)
    return this.#socket.writableLength <= UNSENT_BYTES_MAX
  }

  #count(): boolean {
    const { bufferedBytes } = this.#conversation
    const more = bufferedBytes - this.#buffered
    this.#buffered = bufferedBytes
    return more === 0 || this.#ports.onBuffered(more)
  }

  #onClose(): void {
    this.#isOver = true
    this.#ports.onBuffered(-this.#buffered)
    this.#buffered = 0
    this.#conversation.close()
    this.#ports.onClose()
  }
}

/** A socket that a process left behind when it was killed is in the way of the next one; one that is in use is not. */
async function removeAbandoned(path: string): Promise<void> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
  if (code === 'ECONNREFUSED') await unlink(path)
}

function isAddressInfo(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}
