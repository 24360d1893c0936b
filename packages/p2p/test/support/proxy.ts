/** A TCP proxy on loopback that passes bytes in order, falls silent, or resets: a network to be broken by a test. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

const proxies: TcpProxy[] = []

/** For `afterEach`. */
export const closeProxies = async (): Promise<void> => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
}

/** Which way bytes go: from who dialled to who listens, or back. */
type Way = 'there' | 'back'

export class TcpProxy {
  /** Connections taken so far. */
  taken = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #silent = new Set<Way>()
  #isRefusing = false
  readonly #port: number

  static async start(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port)
    proxies.push(proxy)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  private constructor(port: number) {
    this.#port = port
    this.#server = createServer((socket) => this.#take(socket))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get address(): string {
    return `/ip4/127.0.0.1/tcp/${this.port}`
  }

  /** Say nothing any more, without closing anything; new connections are taken and hear nothing, too. */
  stall(...ways: Way[]): void {
    for (const way of ways.length > 0 ? ways : (['there', 'back'] as const)) this.#silent.add(way)
    for (const socket of this.#sockets) socket.emit('proxy:change')
  }

  /** Pass bytes again, the held-back ones first. */
  heal(): void {
    this.#silent.clear()
    this.#isRefusing = false
    for (const socket of this.#sockets) socket.emit('proxy:change')
  }

  /** Reset all connections; new ones are reset, too, until `heal`. */
  refuse(): void {
    this.#isRefusing = true
    this.reset()
  }

  /** Reset all connections. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #take(near: Socket): void {
    this.taken++
    if (this.#isRefusing) {
      near.resetAndDestroy()
      return
    }
    const far = connect(this.#port, '127.0.0.1')
    this.#pass('there', near, far)
    this.#pass('back', far, near)
  }

  /** Backpressure and order are the sockets' own; a silent way is one that is not read. */
  #pass(way: Way, from: Socket, to: Socket): void {
    this.#sockets.add(from)
    const onChange = (): void => {
      if (this.#silent.has(way)) from.pause()
      else from.resume()
    }
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', onChange)
    from.on('proxy:change', onChange)
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
    onChange()
  }
}
