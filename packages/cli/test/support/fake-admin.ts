/** Admin servers that answer what a test tells them, and samples of what nodes answer. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { CheckDocument, SessionDocument, StatusDocument } from '../../src/inquiry/documents.ts'

export interface SeenRequest {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

/** What it answers: a status and a body, or nothing at all. */
export type FakeAnswer = readonly [status: number, body: unknown] | 'silence'

export class FakeAdmin implements AsyncDisposable {
  readonly seen: SeenRequest[] = []
  readonly #server: Server
  readonly #answer: (request: SeenRequest) => FakeAnswer

  private constructor(answer: (request: SeenRequest) => FakeAnswer) {
    this.#answer = answer
    this.#server = createServer((request, response) => {
      void text(request).then((content) => {
        const { method, url, headers } = request
        const seen = { method, url, headers, body: content === '' ? undefined : JSON.parse(content) }
        this.seen.push(seen)
        const answer = this.#answer(seen)
        if (answer === 'silence') return
        response.writeHead(answer[0], { 'content-type': 'application/json' })
        response.end(`${JSON.stringify(answer[1])}\n`)
      })
    })
  }

  static async start(answer: (request: SeenRequest) => FakeAnswer): Promise<FakeAdmin> {
    const admin = new FakeAdmin(answer)
    await new Promise<void>((resolve) => admin.#server.listen(0, '127.0.0.1', resolve))
    return admin
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

const PEERS = ['12D3KooWaaaaaaaa', '12D3KooWbbbbbbbb', '12D3KooWcccccccc'] as const

/** What node-1, 2 or 3 of a healthy cluster of three says. */
export function statusSample(index: 0 | 1 | 2 = 0): StatusDocument {
  const members = PEERS.flatMap((nodeId, other) => {
    if (other === index) return []
    return {
      nodeId,
      name: `node-${other + 1}`,
      zone: other === 2 ? 'east' : '',
      role: other === 2 ? ('repository' as const) : ('member' as const),
      state: 'alive' as const,
      connected: true,
      incarnation: 1_000 + other,
      addresses: [`/ip4/127.0.0.1/tcp/${5_001 + other}/p2p/${nodeId}`],
      roundTripMs: 1.25 * (other + 1),
      heardAgoMs: 180 * (other + 1),
      lagFrames: 0,
    }
  })
  return {
    schemaVersion: 1,
    name: `node-${index + 1}`,
    pid: 4_001 + index,
    version: '0.1.0',
    uptimeMs: 250_000,
    state: 'ready',
    node: {
      nodeId: PEERS[index],
      name: `node-${index + 1}`,
      incarnation: 1_000 + index,
      ready: true,
      copies: 2,
      members,
      shards: [0, 1, 2, 3].map((shard) => ({
        shard,
        holders: [PEERS[shard % 3]!, PEERS[(shard + 1) % 3]!],
        readyHolders: [PEERS[(shard + 1) % 3]!, PEERS[shard % 3]!],
        state: shard % 3 === index || (shard + 1) % 3 === index ? ('ready' as const) : ('none' as const),
        clean: true,
      })),
      table: { records: 1_234, bytes: 3_400_000, bytesMax: 67_108_864, evictions: 0, stubs: 0, tombstones: 0 },
      streams: { gaps: 0, repairs: 0, waiting: 0, ejected: 0 },
      pulls: { underWay: 0, sent: 5, localHits: 100 },
      blobs: { uploads: 0, uploadBytes: 0, reads: 0, releases: 0 },
      syncs: { underWay: 0, records: 0, differing: 0 },
      badMessages: 0,
      addresses: [`/ip4/127.0.0.1/tcp/${5_001 + index}/p2p/${PEERS[index]}`],
      ephemeral: false,
      droppedInputs: 0,
      network: { connections: 2 } as never,
    },
    stats: { resumesFrom: { local: 90, peers: 10 } },
    process: { rssBytes: 98_000_000, heapUsedBytes: 30_000_000, eventLoopDelayMs: { p50: 0.4, p99: 3.25, max: 9 } },
  }
}

export const SESSION_SAMPLE: SessionDocument = {
  schemaVersion: 1,
  id: 'cart-17',
  outcome: 'complete',
  portions: {
    basket: { bytes: 18, version: '7.1@12D3KooWaaaaaaaaaa' },
    theme: { bytes: 2_100, version: '6.4@12D3KooWbbbbbbbbbb' },
  },
  origin: { kind: 'local', peers: [], silent: [] },
  token: 'AbC',
  idleMsLeft: 1_799_000,
  absoluteMsLeft: 86_399_000,
}

export const CHECK_SAMPLE: CheckDocument = {
  schemaVersion: 1,
  verdict: 'ok',
  members: { alive: 3, suspect: 0, leaving: 0, silent: [], unasked: [] },
  shards: [],
  checkedShards: 64,
  reasons: [],
}

/** One shard lacks a holder. */
export const CHECK_SHORT_SAMPLE: CheckDocument = {
  ...CHECK_SAMPLE,
  verdict: 'warning',
  shards: [
    {
      shard: 3,
      verdict: 'warning',
      wanted: 3,
      readyHolders: ['12D3KooWaaaaaaaa', '12D3KooWbbbbbbbb'],
      silent: [],
      divergent: [],
      busy: 0,
      behind: 0,
      evicted: 0,
    },
  ],
  reasons: ['not enough holders: 1 shard with 2 of 3 ready: 3', 'one reason | another'],
}
