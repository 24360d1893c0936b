/**
 * What the steps of the story share: the clients with their TLS sessions, the basket and its owner, the two transfers, and
 * the count of what was resumed and what was lost.
 *
 * Every resumption goes through here, and one that turned out to be a full handshake is counted as lost.
 */

import { type Downloaded, download } from '../clients/download.ts'
import { type ClientKind, cookieOf, type Request, type Target, type Visit, visit } from '../clients/tls-client.ts'
import type { Part, Progress } from '../clients/transfer.ts'
import { type Uploaded, upload } from '../clients/upload.ts'
import type { LocalCluster } from '../cluster/local-cluster.ts'
import { formatBytes, formatCount, formatMs, median, plural } from '../units.ts'
import { BrokenPromiseError } from './broken-promise.ts'
import type { Handshake, ProgressView, Tell, Verdict } from './events.ts'

/** The node that makes everything, and dies. */
export const VICTIM = 'node-1'

/** A client with a TLS session. */
export interface Client {
  readonly kind: ClientKind
  readonly session: Buffer
}

/** A transfer under way. */
interface Transfer<Result> {
  readonly done: Promise<Result>
  /** Resolves when that share of it is done; rejects with it. */
  reached(share: number): Promise<void>
}

export class Scene {
  readonly cluster: LocalCluster
  readonly signal: AbortSignal
  readonly clients: Client[] = []
  readonly #tell: Tell
  readonly #handshakes: Handshake[] = []
  readonly #basket: string[] = []
  #basketCookie: string | undefined
  #basketSession: Buffer | undefined
  #download: Transfer<Downloaded> | undefined
  #upload: Transfer<Uploaded> | undefined
  #resumptions = 0
  #lost = 0

  constructor(cluster: LocalCluster, tell: Tell, signal: AbortSignal) {
    this.cluster = cluster
    this.#tell = tell
    this.signal = signal
  }

  /** The names of all nodes but the victim. */
  get others(): string[] {
    return this.cluster.members.map(({ name }) => name).filter((name) => name !== VICTIM)
  }

  /** One client more, with a full handshake at the victim. */
  async makeSession(kind: ClientKind): Promise<void> {
    const { reused, session } = await this.#visit(VICTIM, kind)
    if (reused) throw new Error(`${VICTIM} resumed a session that nobody offered`)
    if (session === undefined) throw new Error(`${VICTIM} gave a ${kind} client no session`)
    this.clients.push({ kind, session })
  }

  /** Every one of the clients offers the session that the victim gave it, at every one of the nodes. */
  async resumeAll(nodes: readonly string[], clients: readonly Client[] = this.clients): Promise<string> {
    const seen: Visit[] = []
    const lost: string[] = []
    const total = clients.length * nodes.length
    for (const { kind, session } of clients) {
      for (const node of nodes) {
        const visited = await this.#visit(node, kind, session)
        seen.push(visited)
        if (!visited.reused) lost.push(`${kind} at ${node}`)
        this.#progress('resumed', { share: seen.length / total, text: `${seen.length} of ${total}, now at ${node}` })
      }
    }
    this.#progress('resumed', undefined)
    if (lost.length > 0) {
      throw new BrokenPromiseError(
        `${lost.length} of ${plural(total, 'session')} lost`,
        `not resumed: ${lost.join('; ')}`,
      )
    }
    const fetched = seen.filter(({ origin }) => origin.startsWith('peers:'))
    const [example] = fetched
    if (example !== undefined) {
      const { version, node, origin, handshakeMs } = example
      const from = origin.slice('peers:'.length).replaceAll(',', ' and ')
      this.say(
        `for instance ${version.replace('v', ' ')} at ${node}, fetched from ${from}, in ${formatMs(handshakeMs)}`,
      )
    }
    const middleMs = median(seen.map(({ handshakeMs }) => handshakeMs)) ?? 0
    return `${total} of ${total} resumed, ${fetched.length} from peers, ${formatMs(middleMs)}`
  }

  async putItem(node: string, item: string): Promise<void> {
    const body = JSON.stringify({ item })
    const seen = await this.#visitBasket(node, { method: 'POST', path: '/basket/items', body })
    if (seen.status !== 201) throw new Error(`${node} did not take ${item}: ${seen.body.trim()}`)
    this.#basket.push(item)
    this.#basketCookie ??= cookieOf(seen.headers)
    this.say(`${node} took ${item}, and another node has it too`)
  }

  /** @returns what is in it, which is what was put into it. */
  async readBasket(node: string): Promise<string> {
    const seen = await this.#visitBasket(node, { path: '/basket' })
    const { items = [] } = JSON.parse(seen.body) as { items?: string[] }
    const expected = this.#basket.join(', ')
    if (seen.status !== 200 || items.join(', ') !== expected) {
      throw new BrokenPromiseError(
        `the basket is not whole at ${node}`,
        `it should hold ${expected}; ${node} said ${seen.body.trim()}`,
      )
    }
    return `${node} shows ${items.join(', ')}`
  }

  /** Both at the victim; later at others, not at the same. */
  startTransfers(): void {
    const { signal } = this
    const { certificatePem } = this.cluster
    const [first = VICTIM, ...rest] = this.others
    const targets = (names: readonly string[]): Target[] => names.map((name) => this.#target(name))
    this.#download = this.#follow('download', (onProgress) =>
      download({ kind: 'TLS 1.3', targets: targets([VICTIM, first, ...rest]), certificatePem, signal, onProgress }),
    )
    this.#upload = this.#follow('upload', (onProgress) =>
      upload({ kind: 'TLS 1.2', targets: targets([VICTIM, ...rest, first]), certificatePem, signal, onProgress }),
    )
  }

  /** Resolves when both have come so far. */
  async transfersAt(share: number): Promise<void> {
    await Promise.all([this.#download?.reached(share), this.#upload?.reached(share)])
  }

  /** Wait for both, and check them. @returns the bytes at which they were continued. */
  async checkTransfers(): Promise<{ download: number; upload: number }> {
    const [downloaded, uploaded] = await Promise.all([this.#download?.done, this.#upload?.done])
    if (downloaded === undefined || uploaded === undefined) throw new Error('the transfers were not started')
    const downloadPart = this.#checkParts('download', downloaded.parts)
    const uploadPart = this.#checkParts('upload', uploaded.parts)
    if (downloaded.sha256 !== downloaded.announcedSha256) {
      throw new BrokenPromiseError('the download is not what it should be', 'its SHA-256 differs')
    }
    if (uploaded.digest !== uploaded.expectedDigest) {
      throw new BrokenPromiseError('the upload did not arrive as it was sent', 'the digest of its blocks differs')
    }
    const [, sent = '0'] = /sent=(\d+)/.exec(downloadPart.known) ?? []
    if (Number(sent) < downloadPart.start) {
      throw new BrokenPromiseError(
        'the session did not know how far the download was',
        `the client had ${downloadPart.start} bytes, ${downloadPart.node} found ${downloadPart.known || 'nothing'}`,
      )
    }
    this.say(`download: ${formatBytes(downloaded.size)} in ${downloaded.parts.length} parts, SHA-256 right`)
    this.say(`upload: ${formatBytes(uploaded.size)} in ${uploaded.parts.length} parts, digest of all blocks right`)
    return { download: downloadPart.start, upload: uploadPart.start }
  }

  verdict(failedStep: string | undefined, tookMs: number): Verdict {
    const full = this.#handshakes.filter(({ reused }) => !reused)
    const local = this.#handshakes.filter(({ reused, origin }) => reused && origin === 'local')
    const peers = this.#handshakes.filter(({ reused, origin }) => reused && origin !== 'local')
    const middleMs = (handshakes: readonly Handshake[]): number | undefined => median(handshakes.map(({ ms }) => ms))
    return {
      held: failedStep === undefined,
      failedStep,
      tookMs,
      resumptions: this.#resumptions,
      lost: this.#lost,
      fullMs: middleMs(full),
      localMs: middleMs(local),
      peersMs: middleMs(peers),
    }
  }

  /** The parts follow each other, the first is the victim's, and the second is a resumed session's. @returns that. */
  #checkParts(what: string, parts: readonly Part[]): Part {
    const [first, second] = parts
    if (first?.node !== VICTIM || second === undefined) {
      throw new Error(`the ${what} ended before ${VICTIM} was killed: nothing was continued`)
    }
    for (const [index, { start }] of parts.entries()) {
      const expected = parts[index - 1]?.end ?? 0
      if (start !== expected) throw new BrokenPromiseError(`the ${what} was continued at ${start}, not at ${expected}`)
    }
    for (const { node, reused } of parts.slice(1)) {
      this.#resumptions += 1
      if (reused) continue
      this.#lost += 1
      throw new BrokenPromiseError(`the TLS session of the ${what} was not resumed at ${node}`)
    }
    return second
  }

  async #visitBasket(node: string, request: Request): Promise<Visit> {
    const cookie = this.#basketCookie
    const headers = { 'content-type': 'application/json', ...(cookie !== undefined && { cookie }) }
    const session = this.#basketSession
    const seen = await this.#visit(node, 'TLS 1.3', session, { ...request, headers })
    if (session !== undefined && !seen.reused) throw new BrokenPromiseError(`a TLS session was lost at ${node}`)
    this.#basketSession = seen.session
    return seen
  }

  async #visit(node: string, kind: ClientKind, session?: Buffer, request?: Request): Promise<Visit> {
    const { signal } = this
    const { certificatePem } = this.cluster
    const seen = await visit({ target: this.#target(node), kind, certificatePem, session, signal }, request)
    if (seen.node !== node) throw new Error(`${node} was asked and ${seen.node || 'nobody'} answered`)
    if (session !== undefined) {
      this.#resumptions += 1
      if (!seen.reused) this.#lost += 1
    }
    const handshake = handshakeOf(seen, kind, session !== undefined)
    this.#handshakes.push(handshake)
    this.#tell({ type: 'handshake', handshake })
    return seen
  }

  #follow<Result>(
    name: string,
    start: (onProgress: (progress: Progress) => void) => Promise<Result>,
  ): Transfer<Result> {
    let share = 0
    let server = VICTIM
    const waiters = new Set<() => void>()
    const onProgress = ({ bytes, size, node, start: from }: Progress): void => {
      share = bytes / size
      if (node !== server) this.say(`${name}: lost ${server}, continues at ${node} from byte ${formatCount(from)}`)
      server = node
      this.#progress(name, { share, text: `${formatBytes(bytes)} of ${formatBytes(size)}, at ${node}` })
      for (const wake of waiters) wake()
    }
    const done = start(onProgress).finally(() => this.#progress(name, undefined))
    // Whoever waits hears of it, in a later step.
    done.catch(() => {})
    const reached = async (wanted: number): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = (): void => {
        if (share >= wanted) resolve()
      }
      waiters.add(look)
      look()
      await Promise.race([promise, done])
      waiters.delete(look)
    }
    return { done, reached }
  }

  #target(name: string): Target {
    const { info } = this.cluster.member(name)
    if (info === undefined) throw new Error(`${name} was never ready`)
    return { name, port: info.ports.tls }
  }

  /** Tell a detail of the step under way. */
  say(text: string): void {
    this.#tell({ type: 'said', text })
  }

  #progress(name: string, progress: ProgressView | undefined): void {
    this.#tell({ type: 'progress', name, progress })
  }
}

/** What a visit says about its handshake. */
export function handshakeOf(
  { node, reused, origin, handshakeMs }: Visit,
  kind: ClientKind,
  offered: boolean,
): Handshake {
  return { node, kind, offered, reused, origin, ms: handshakeMs }
}
