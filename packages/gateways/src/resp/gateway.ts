/** The RESP gateway without its sockets: what its conversations share, and how one begins. */
import { randomBytes } from 'node:crypto'
import type { Logger } from '@reprise/node'
import type { Credentials } from '../credentials.ts'
import type { ConversationFigures } from '../figures.ts'
import type { KeyValueStore } from '../store/key-value.ts'
import { Client } from './client.ts'
import { COMMANDS } from './commands/table.ts'
import { ARGUMENT_BYTES_MAX, REQUEST_BYTES_MAX } from './constants.ts'
import { RespConversation } from './conversation.ts'
import { DEFAULT_USER, emptyCounters, type Facts } from './facts.ts'
import { RequestReader } from './reader.ts'

export interface RespGatewayInit {
  readonly store: KeyValueStore
  /** What clients must show first. Default: nothing. */
  readonly credentials?: Credentials | undefined
  /** For what nobody expected. Default: silent. */
  readonly logger?: Logger | undefined
  /** Connections at once, as clients are told. */
  readonly clientsMax: number
  /** The clock that absolute times are of. Default: the wall clock. */
  readonly nowUnixMs?: () => number
}

export class RespGateway {
  readonly #store: KeyValueStore
  readonly #facts: Facts
  #lastId = 0

  constructor({ store, credentials, logger, clientsMax, nowUnixMs = () => Date.now() }: RespGatewayInit) {
    this.#store = store
    this.#facts = {
      credentials,
      counters: emptyCounters(),
      runId: randomBytes(20).toString('hex'),
      startedAtUnixMs: nowUnixMs(),
      argumentBytesMax: Math.max(ARGUMENT_BYTES_MAX, store.limits.valueBytesMax),
      clientsMax,
      logger,
      nowUnixMs,
    }
  }

  get facts(): Facts {
    return this.#facts
  }

  figures(): ConversationFigures {
    const { connections, commands, errors, hits, misses, inputBytes, outputBytes } = this.#facts.counters
    return { accepted: connections, commands, errors, hits, misses, bytes: { in: inputBytes, out: outputBytes } }
  }

  /** Begin a conversation; `close` it when the client has gone. */
  open(): RespConversation {
    const facts = this.#facts
    const { argumentBytesMax } = facts
    return new RespConversation({
      store: this.#store,
      facts,
      commands: COMMANDS,
      reader: new RequestReader({
        argumentBytesMax,
        requestBytesMax: Math.max(REQUEST_BYTES_MAX, 2 * argumentBytesMax),
      }),
      client: new Client({
        id: ++this.#lastId,
        connectedAtUnixMs: facts.nowUnixMs(),
        user: facts.credentials === undefined ? DEFAULT_USER : undefined,
      }),
    })
  }
}
