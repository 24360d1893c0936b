/**
 * What an admin server is told when it is started, checked once and completed with defaults.
 */
import { isIPv4 } from 'node:net'
import type { Logger } from '@reprise/node'
import { UsageError } from '@reprise/node'
import type { AdminNode } from './admin-node.ts'
import { TOKEN_CHARS_MIN } from './constants.ts'
import type { MetricFamily } from './metrics/format.ts'
import type { GatewaysFigures } from './metrics/gateway-metrics.ts'

/** A file that is served as it is. */
export interface Asset {
  /** Its media type, such as `text/html; charset=utf-8`. */
  readonly type: string
  readonly body: string | Uint8Array
  /** With one, quoted as HTTP wants it, browsers keep the file and ask whether it changed. */
  readonly etag?: string
}

/** A page for people, such as that of `@reprise/dashboard`. */
export interface Page {
  /** Served at `/`. */
  readonly index: Asset
  /** Served below `/ui/`, by their path there: `app.js` is `/ui/app.js`. */
  readonly assets: ReadonlyMap<string, Asset>
  /** The value of the header `content-security-policy` of the page and its files. */
  readonly contentSecurityPolicy: string
}

/** What a program adds to the admin server of its node. */
export interface AdminExtension {
  /** More members of `/status` and of the snapshots among the events. May not hold an id or a value of a session. */
  status?(): object
  /** More families of `/metrics`. */
  metrics?(): readonly MetricFamily[]
  /** Files at paths of their own, such as `/certificate`, for whoever may read the status. */
  readonly files?: Readonly<Record<string, Asset>>
  /** What `POST /controls/NAME` does with its body, and answers. Needs the token. */
  readonly controls?: Readonly<Record<string, AdminControl>>
}

export type AdminControl = (body: JsonObject, signal: AbortSignal) => Promise<object>

/** A request's body. */
export type JsonObject = Readonly<Record<string, unknown>>

export interface AdminOptions {
  readonly node: AdminNode
  /** The node's name for people. Default: as in its status. */
  readonly name?: string
  /** The address to listen on. Default `127.0.0.1`. Any that is not loopback needs a token. */
  readonly host?: string
  /** The port to listen on. Default 0: one of the system's choice. */
  readonly port?: number
  /**
   * Who shows it may look at sessions, change them, and use controls: at least 16 characters, better 32 random bytes as text.
   * Default: none, and nobody may.
   */
  readonly token?: string
  /**
   * What the node's gateways did, by their names, such as `memcached`: asked for with each status and each scrape. Each name is a
   * label of its own, so there may be a few. Default: there are none.
   */
  readonly gateways?: () => GatewaysFigures
  readonly extension?: AdminExtension
  readonly page?: Page
  /** Default: silent. Ids of sessions are logged as fingerprints, values never. */
  readonly logger?: Logger
}

/** @throws UsageError for what can never work, or would open the node to everybody. */
export function assertOptions({ host = '127.0.0.1', port = 0, token }: AdminOptions): void {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new UsageError(`port must be 0 to 65535, not ${port}`)
  // What a header can carry.
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token))
    throw new UsageError('token: printable ASCII without spaces')
  if (token !== undefined && token.length < TOKEN_CHARS_MIN) {
    throw new UsageError(`token has ${token.length} characters; use at least ${TOKEN_CHARS_MIN} random ones`)
  }
  if (token === undefined && !isLoopback(host)) {
    throw new UsageError(
      `host ${host} can be reached from elsewhere, where anybody could read this node's status; give a token, or listen on 127.0.0.1`,
    )
  }
}

/** Whether only this machine reaches an address. A name that is not `localhost` may mean anything. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
