/**
 * The peer that every round trip is compared with: libp2p alone, with the same transport, encryption and muxer as a member,
 * and one long-lived stream on which what comes is sent back. (A stream per request would cost a millisecond more.)
 */
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'

const PROTOCOL = '/reprise-bench/echo/1'

/** A libp2p node that echoes, and can ask one other for echoes. */
export class Echo {
  readonly #libp2p: Libp2p
  #ask: ((bytes: Uint8Array) => Promise<void>) | undefined

  private constructor(libp2p: Libp2p) {
    this.#libp2p = libp2p
  }

  static async start(): Promise<Echo> {
    const libp2p = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
    })
    await libp2p.handle(PROTOCOL, (stream) => {
      stream.addEventListener('message', ({ data }) => stream.send(data))
    })
    return new Echo(libp2p)
  }

  get address(): string {
    return String(this.#libp2p.getMultiaddrs()[0])
  }

  /** Open the stream to another. */
  async open(address: string): Promise<void> {
    const stream = await this.#libp2p.dialProtocol(multiaddr(address), PROTOCOL)
    let missing = 0
    let finish = (): void => {}
    stream.addEventListener('message', ({ data }) => {
      missing -= data.byteLength
      if (missing === 0) finish()
    })
    this.#ask = (bytes) =>
      new Promise((resolve) => {
        missing = bytes.byteLength
        finish = resolve
        stream.send(bytes)
      })
  }

  /** One round trip. */
  async roundTrip(bytes: Uint8Array): Promise<void> {
    await this.#ask?.(bytes)
  }

  async stop(): Promise<void> {
    await this.#libp2p.stop()
  }
}
