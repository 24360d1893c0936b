/**
 * What nodes answer, as far as commands use it. A node may run another version than this command: what is not as expected is
 * said, and never guessed.
 */
import type { CheckReport, NodeStats, NodeStatus } from '@reprise/node'
import { isRecord } from '../config/config-file.ts'
import { CommandError, ExitCode } from '../failure.ts'
import type { Endpoint, JsonObject } from './admin-client.ts'

/** `GET /status` */
export interface StatusDocument {
  readonly schemaVersion: 1
  readonly name: string
  readonly pid: number
  readonly version: string
  readonly uptimeMs: number
  readonly state: 'starting' | 'ready' | 'catching-up' | 'draining' | 'stopped'
  readonly node: NodeStatus
  /** Of which no more is used here. */
  readonly stats: Pick<NodeStats, 'resumesFrom'>
  readonly process: {
    readonly rssBytes: number
    readonly heapUsedBytes: number
    readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  }
}

/** `GET` and `PUT /sessions/ID`, `POST /sessions/ID/resume` */
export interface SessionDocument {
  readonly schemaVersion: 1
  readonly id: string
  readonly outcome: 'complete' | 'partial'
  readonly portions: Readonly<Record<string, PortionDocument>>
  readonly missing?: readonly string[]
  readonly origin: {
    readonly kind: 'local' | 'peers'
    readonly peers: readonly string[]
    readonly silent: readonly string[]
  }
  readonly token?: string
  readonly idleMsLeft: number
  readonly absoluteMsLeft: number
}

export interface PortionDocument {
  readonly bytes?: number
  /** `EPOCH.NUMBER@PEER`, of the write that set it. */
  readonly version?: string
  /** Only when it was asked for. */
  readonly value?: unknown
}

/** `GET /check` */
export interface CheckDocument extends CheckReport {
  readonly schemaVersion: 1
}

/** @throws CommandError when it is something else. */
export function statusOf(endpoint: Endpoint, body: JsonObject): StatusDocument {
  return assertDocument<StatusDocument>(endpoint, body, ['node', 'stats', 'process'])
}

/** @throws CommandError when it is something else. */
export function sessionOf(endpoint: Endpoint, body: JsonObject): SessionDocument {
  return assertDocument<SessionDocument>(endpoint, body, ['portions', 'origin'])
}

/** @throws CommandError when it is something else. */
export function checkOf(endpoint: Endpoint, body: JsonObject): CheckDocument {
  return assertDocument<CheckDocument>(endpoint, body, ['members'])
}

/** A document of the known version that has these objects. */
function assertDocument<Document>(endpoint: Endpoint, body: JsonObject, objects: readonly string[]): Document {
  if (body['schemaVersion'] === 1 && objects.every((name) => isRecord(body[name]))) return body as Document
  throw new CommandError({
    what: `${endpoint.name} answered something else than was asked for`,
    why: `it runs another version of Reprise, or ${endpoint.url} is another program`,
    next: 'use the reprise command of the version that the nodes run',
    exitCode: ExitCode.failure,
  })
}
