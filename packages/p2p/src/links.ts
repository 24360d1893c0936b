/**
 * One link per peer: of all connections with it, the one that carries its two lanes.
 *
 * Two nodes may dial each other at the same moment, or one may dial while the other still holds a connection that is dead.
 * So that both end with the same single connection, decisions have one owner: the *opener*, the peer with the lower id,
 * chooses the connection by opening the control stream on it; the other side follows, and takes a newer choice over an
 * older one. Each side then closes the connections that it dialled itself and that were not chosen.
 *
 * ```text
 *             hello fits                        chosen: another connection
 *  connected ────────────► up ─────────────────────────────► cut
 *      │                   │  silent, zombie, lane ended       ▲
 *      └───────────────────┴───────────────────────────────────┘
 *        no hello in time, does not fit, not allowed
 * ```
 *
 * The opener that is up and sees a second connection come in gives its dialler a moment to notice that it is too many. If
 * it stays, the dialler knows nothing of the first one, which is therefore dead: the opener moves over.
 */
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { LimitError } from '@reprise/core'
import { BulkLane } from './bulk-lane.ts'
import { type NetworkLimits, STREAMS_PER_PROTOCOL_MAX, WATCH_MS } from './constants.ts'
import { ControlLane, toError } from './control-lane.ts'
import { CutError, type CutReason, MismatchError } from './errors.ts'
import type { Host } from './host.ts'
import type { Logger } from './logger.ts'
import type { Lane } from './network.ts'

/** Called synchronously. Nothing is called after `stop`. */
export interface LinksEvents {
  /** The peer fits; its control stream speaks this version of the wire. */
  onUp(nodeId: string, connection: Connection, wire: number): void
  onDown(nodeId: string): void
  onMessage(nodeId: string, lane: Lane, message: Uint8Array): void | Promise<void>
  /** A connection ended that never was up. `certain` when the peer does not fit; otherwise it may have been an accident. */
  onRefused(nodeId: string, certain: boolean): void
}

export interface LinksInit {
  readonly nodeId: string
  readonly clusterName: string
  readonly shardCount: number
  /** The versions of the wire that this node speaks, best first. */
  readonly wireVersions: readonly number[]
  readonly limits: NetworkLimits
  readonly logger: Logger
  readonly nowMs: () => number
  /** Whether the peer may be connected at all. */
  readonly allows: (nodeId: string) => boolean
}

/** What is known of a peer that is up. */
export interface LinkStats {
  readonly upForMs: number
  readonly direction: 'inbound' | 'outbound'
  readonly address: string
  /** Round trip of the last ping; pings are sent when it is quiet. */
  readonly rttMs: number | undefined
  /** How long nothing came, in steps of a look. */
  readonly silentMs: number
  readonly streams: number
  /** Payload since it is up: messages and frames. `bytesOut` of frames is counted as gossipsub writes it. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Messages that wait on both lanes. */
  readonly bufferedBytes: number
}

/** One connection, and the lanes on it. */
interface Attached {
  readonly connection: Connection
  readonly peer: PeerId
  readonly nodeId: string
  control: ControlLane | undefined
  /** What the control stream speaks; known as soon as there is one. */
  wire: number
  bulk: BulkLane | undefined
  isBulkAttached: boolean
  /** The opener opens, or opened, its control stream on it. */
  isChosen: boolean
  wasUp: boolean
  isCut: boolean
  /** It does not fit. The opener cuts, so that it has read our hello by then and knows why, too. */
  isUnfit: boolean
  /** Ages in milliseconds of a running event loop: since it was attached, and since anything came. */
  ageMs: number
  silentMs: number
  heard: boolean
  upSinceMs: number
  bytesIn: number
  bytesOut: number
}

interface Link {
  readonly attached: Map<Connection, Attached>
  /** The one whose lanes are in use. */
  active: Attached | undefined
}

export class Links {
  readonly #init: LinksInit
  /** The control protocol of each version of the wire, best first: multistream-select takes the first that both know. */
  readonly #wires: ReadonlyMap<string, number>
  readonly #bulkProtocol: string
  readonly #links = new Map<string, Link>()
  #host: Host | undefined
  #events: LinksEvents | undefined

  constructor(init: LinksInit) {
    this.#init = init
    this.#wires = new Map(init.wireVersions.map((wire) => [`/reprise/${init.clusterName}/control/${wire}`, wire]))
    this.#bulkProtocol = `/reprise/${init.clusterName}/bulk/1`
  }

  /** Take every connection from now on. To be called before libp2p listens. */
  async start(host: Host, events: LinksEvents): Promise<void> {
    this.#host = host
    this.#events = events
    host.addEventListener('connection:open', this.#onOpen)
    host.addEventListener('connection:close', this.#onClose)
    const options = { maxInboundStreams: STREAMS_PER_PROTOCOL_MAX, maxOutboundStreams: STREAMS_PER_PROTOCOL_MAX }
    for (const [protocol, wire] of this.#wires) {
      await host.handle(protocol, (stream, connection) => this.#onControlStream(stream, connection, wire), options)
    }
    await host.handle(this.#bulkProtocol, (stream, connection) => this.#onBulkStream(stream, connection), options)
  }

  /** Give up all connections, giving what was written a moment to leave. Safe twice. */
  async stop(): Promise<void> {
    this.#events = undefined
    this.#host?.removeEventListener('connection:open', this.#onOpen)
    const connections = [...this.#links.values()].flatMap((link) => [...link.attached.keys()])
    await Promise.all(
      connections.map((connection) =>
        this.#host?.close(connection, new CutError('STOPPING', connection.remotePeer.toString(), 'the node stops')),
      ),
    )
    this.#host?.removeEventListener('connection:close', this.#onClose)
    this.#links.clear()
  }

  /** Ids of the peers that are up. */
  get peers(): string[] {
    return [...this.#links].filter(([, link]) => link.active !== undefined).map(([nodeId]) => nodeId)
  }

  /** Connections that are open, those that are not up among them. */
  get connectionCount(): number {
    return [...this.#links.values()].reduce((count, link) => count + link.attached.size, 0)
  }

  isUp(nodeId: string): boolean {
    return this.#links.get(nodeId)?.active !== undefined
  }

  /** Whether there is any connection with the peer, up or not yet. */
  isConnected(nodeId: string): boolean {
    return this.#links.has(nodeId)
  }

  /** @throws LimitError when the message is larger than its lane ever takes. */
  send(nodeId: string, lane: Lane, message: Uint8Array): boolean {
    const { controlMessageBytesMax, bulkMessageBytesMax } = this.#init.limits
    const bytes = message.byteLength
    const [name, max] =
      lane === 'control'
        ? ['controlMessageBytesMax', controlMessageBytesMax]
        : ['bulkMessageBytesMax', bulkMessageBytesMax]
    if (bytes > max)
      throw new LimitError(String(name), bytes, Number(max), 'send it in parts, or raise the limit at all members')
    const active = this.#links.get(nodeId)?.active
    const isSent = (lane === 'control' ? active?.control : active?.bulk)?.send(message) ?? false
    if (isSent) active!.bytesOut += bytes
    return isSent
  }

  bufferedBytes(nodeId: string): number {
    const active = this.#links.get(nodeId)?.active
    return (active?.control?.bufferedBytes ?? 0) + (active?.bulk?.bufferedBytes ?? 0)
  }

  /** A sign of life that came another way, such as a frame. */
  heard(nodeId: string, bytes: number): void {
    const active = this.#links.get(nodeId)?.active
    if (active === undefined) return
    active.heard = true
    active.bytesIn += bytes
  }

  stats(nodeId: string): LinkStats | undefined {
    const active = this.#links.get(nodeId)?.active
    if (active === undefined) return undefined
    return {
      upForMs: this.#init.nowMs() - active.upSinceMs,
      direction: active.connection.direction,
      address: active.connection.remoteAddr.toString(),
      rttMs: active.control?.rttMs,
      silentMs: active.silentMs,
      streams: active.connection.streams.length,
      bytesIn: active.bytesIn,
      bytesOut: active.bytesOut,
      bufferedBytes: this.bufferedBytes(nodeId),
    }
  }

  /** Cut the connection in use. It is dialled again by whoever cares. */
  cut(nodeId: string, reason: CutReason, detail: string): void {
    const active = this.#links.get(nodeId)?.active
    if (active !== undefined) this.#cut(active, new CutError(reason, nodeId, detail))
  }

  /** Cut every connection with peers that are not allowed any more. */
  cutRefused(): void {
    for (const [nodeId, link] of this.#links) {
      if (this.#init.allows(nodeId)) continue
      for (const attached of [...link.attached.values()]) {
        this.#cut(attached, new CutError('REFUSED', nodeId, 'it is not on the list of allowed members'))
      }
    }
  }

  /** Look after ages and silence. To be called every `WATCH_MS`. */
  watch(): void {
    for (const link of [...this.#links.values()]) {
      for (const attached of [...link.attached.values()]) {
        attached.ageMs += WATCH_MS
        // libp2p may announce a connection that has closed before, and then never says so.
        if (attached.connection.status !== 'open') this.#detach(attached.connection)
        else if (attached === link.active) this.#watchSilence(attached)
        else this.#watchSpare(link, attached)
      }
    }
  }

  #watchSilence(attached: Attached): void {
    const { pingMs, silenceMs } = this.#init.limits
    // Both are asked, so that neither keeps an old sign for the next look.
    const heardControl = attached.control?.takeHeard() ?? false
    if (heardControl || attached.heard) {
      attached.heard = false
      attached.silentMs = 0
      return
    }
    // Counted in looks, not by the clock: a time in which this process itself was stopped is nobody's silence.
    const before = Math.floor(attached.silentMs / pingMs)
    attached.silentMs += WATCH_MS
    if (attached.silentMs > silenceMs) {
      this.#cut(attached, new CutError('SILENT', attached.nodeId, `nothing came for ${attached.silentMs} ms`))
    } else if (Math.floor(attached.silentMs / pingMs) > before) {
      attached.control?.ping()
    }
  }

  #watchSpare(link: Link, attached: Attached): void {
    const { helloMs, duplicateMs } = this.#init.limits
    const { nodeId, ageMs } = attached
    if (ageMs > helloMs) {
      const detail = 'it never said hello; is its cluster name another, or is it no Reprise node?'
      const isSpare = link.active !== undefined || attached.isUnfit
      this.#cut(attached, isSpare ? replaced(nodeId) : new MismatchError('NO_HELLO', nodeId, detail))
    } else if (link.active !== undefined && !attached.isChosen && ageMs > duplicateMs) {
      if (this.#isOpener(nodeId) && attached.connection.direction === 'inbound') this.#openControl(attached)
    }
  }

  #isOpener(nodeId: string): boolean {
    return this.#init.nodeId < nodeId
  }

  readonly #onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    const nodeId = connection.remotePeer.toString()
    const attached: Attached = {
      connection,
      peer: connection.remotePeer,
      nodeId,
      control: undefined,
      wire: 0,
      bulk: undefined,
      isBulkAttached: false,
      isChosen: false,
      wasUp: false,
      isCut: false,
      isUnfit: false,
      ageMs: 0,
      silentMs: 0,
      heard: false,
      upSinceMs: 0,
      bytesIn: 0,
      bytesOut: 0,
    }
    const link = this.#links.get(nodeId) ?? { attached: new Map(), active: undefined }
    this.#links.set(nodeId, link)
    link.attached.set(connection, attached)
    if (!this.#init.allows(nodeId)) {
      this.#cut(attached, new CutError('REFUSED', nodeId, 'it is not on the list of allowed members'))
    } else if (link.active !== undefined && connection.direction === 'outbound') {
      this.#cut(attached, replaced(nodeId))
    } else if (this.#isOpener(nodeId) && !isAnyChosen(link)) {
      this.#openControl(attached)
    }
  }

  readonly #onClose = ({ detail: connection }: CustomEvent<Connection>): void => this.#detach(connection)

  #detach(connection: Connection): void {
    const nodeId = connection.remotePeer.toString()
    const link = this.#links.get(nodeId)
    const attached = link?.attached.get(connection)
    if (link === undefined || attached === undefined) return
    link.attached.delete(connection)
    if (link.attached.size === 0) this.#links.delete(nodeId)
    this.#deactivate(link, attached)
    if (!attached.wasUp && link.active === undefined) this.#events?.onRefused(nodeId, false)
    const spare = [...link.attached.values()].at(-1)
    if (spare !== undefined && this.#isOpener(nodeId) && !isAnyChosen(link)) this.#openControl(spare)
  }

  /** Choose the connection: open the control stream on it. Opener only. */
  #openControl(attached: Attached): void {
    const { connection, nodeId } = attached
    attached.isChosen = true
    this.#openStream(connection, [...this.#wires.keys()]).then(
      (stream) => this.#startControl(attached, stream, this.#wires.get(stream.protocol) as number, true),
      (error) => {
        const isForeign = toError(error).name === 'UnsupportedProtocolError'
        const versions = this.#init.wireVersions.join(' or ')
        const detail = `it knows no wire version ${versions} of cluster ${JSON.stringify(this.#init.clusterName)}; correct the cluster name or the join addresses, or upgrade it`
        if (isForeign) this.#onMismatch(new MismatchError('CLUSTER_MISMATCH', nodeId, detail, { cause: error }))
        this.#cut(attached, new CutError('PROTOCOL', nodeId, 'the control stream cannot be opened', { cause: error }))
      },
    )
  }

  #onControlStream(stream: Stream, connection: Connection, wire: number): void {
    const nodeId = connection.remotePeer.toString()
    const attached = this.#links.get(nodeId)?.attached.get(connection)
    if (attached === undefined || attached.isChosen || this.#isOpener(nodeId)) {
      stream.abort(new CutError('PROTOCOL', nodeId, 'it opened a control stream out of turn'))
      return
    }
    attached.isChosen = true
    this.#startControl(attached, stream, wire, false)
  }

  #startControl(attached: Attached, stream: Stream, wire: number, opener: boolean): void {
    const { nodeId } = attached
    const { clusterName, shardCount, limits, nowMs } = this.#init
    const hello = { version: wire, shardCount, clusterName }
    if (this.#events === undefined || this.#links.get(nodeId)?.attached.get(attached.connection) !== attached) {
      stream.abort(new CutError('STOPPING', nodeId, 'nobody waits for this stream any more'))
      return
    }
    attached.wire = wire
    attached.control = new ControlLane(
      { stream, peer: nodeId, hello, opener, limits, nowMs },
      {
        onOpen: () => this.#activate(attached),
        onMessage: (message) => {
          attached.bytesIn += message.byteLength
          // A promise is for the bulk lane; here nothing waits for it.
          void this.#events?.onMessage(nodeId, 'control', message)
        },
        onEnd: (error) => {
          if (error instanceof MismatchError) {
            this.#onMismatch(error)
            attached.isUnfit = true
            if (!opener) return
          }
          this.#cut(attached, error ?? new CutError('PROTOCOL', nodeId, 'its control stream ended'))
        },
      },
    )
  }

  /** The hello fits: these are the lanes of the link now. */
  #activate(attached: Attached): void {
    const { nodeId, connection } = attached
    const link = this.#links.get(nodeId)
    if (link === undefined || this.#events === undefined) return
    const former = link.active
    if (former !== undefined) {
      this.#deactivate(link, former)
      this.#cut(former, replaced(nodeId))
    }
    link.active = attached
    attached.wasUp = true
    attached.upSinceMs = this.#init.nowMs()
    attached.bulk = new BulkLane(this.#init.limits, this.#init.nowMs, {
      onMessage: (message) => {
        attached.heard = true
        attached.bytesIn += message.byteLength
        return this.#events?.onMessage(nodeId, 'bulk', message)
      },
      onEnd: (error) => {
        if (link.active === attached)
          this.#cut(attached, error ?? new CutError('PROTOCOL', nodeId, 'its bulk stream ended'))
      },
    })
    attached.control?.ping()
    this.#events.onUp(nodeId, connection, attached.wire)
    for (const other of [...link.attached.values()]) {
      if (other !== attached && other.connection.direction === 'outbound') this.#cut(other, replaced(nodeId))
    }
    if (this.#isOpener(nodeId)) this.#openBulk(attached)
  }

  #openBulk(attached: Attached): void {
    const { connection, nodeId } = attached
    this.#openStream(connection, [this.#bulkProtocol]).then(
      (stream) => this.#attachBulk(attached, stream),
      (cause) => this.#cut(attached, new CutError('PROTOCOL', nodeId, 'the bulk stream cannot be opened', { cause })),
    )
  }

  #onBulkStream(stream: Stream, connection: Connection): void {
    const nodeId = connection.remotePeer.toString()
    const active = this.#links.get(nodeId)?.active
    if (active?.connection !== connection || active.isBulkAttached || this.#isOpener(nodeId)) {
      stream.abort(new CutError('PROTOCOL', nodeId, 'it opened a bulk stream out of turn'))
      return
    }
    this.#attachBulk(active, stream)
  }

  #attachBulk(attached: Attached, stream: Stream): void {
    if (this.#links.get(attached.nodeId)?.active !== attached) {
      stream.abort(replaced(attached.nodeId))
      return
    }
    attached.isBulkAttached = true
    attached.bulk?.attach(stream)
  }

  #openStream(connection: Connection, protocols: string[]): Promise<Stream> {
    return connection.newStream(protocols, {
      signal: AbortSignal.timeout(this.#init.limits.helloMs),
      maxOutboundStreams: STREAMS_PER_PROTOCOL_MAX,
    })
  }

  #deactivate(link: Link, attached: Attached): void {
    if (link.active !== attached) return
    link.active = undefined
    this.#events?.onDown(attached.nodeId)
    attached.bulk?.end(undefined)
  }

  #onMismatch(error: MismatchError): void {
    this.#init.logger.warn(error.message, { code: error.code, nodeId: error.nodeId })
    this.#events?.onRefused(error.nodeId, true)
  }

  #cut(attached: Attached, reason: Error): void {
    const { connection, nodeId } = attached
    if (attached.isCut) return
    attached.isCut = true
    this.#init.logger.debug('connection cut', { nodeId, reason: reason.message })
    if (reason instanceof MismatchError && reason.code === 'NO_HELLO') this.#onMismatch(reason)
    this.#host?.cut(connection, reason)
  }
}

const isAnyChosen = (link: Link): boolean => [...link.attached.values()].some((attached) => attached.isChosen)

const replaced = (nodeId: string): CutError => new CutError('REPLACED', nodeId, 'another connection is in use')
