/** The RESP gateway without its sockets: what its connections share, and how one begins. */
import { randomBytes } from 'node:crypto'
import type { KeyValueStore } from '../store/key-value.ts'
import { Access, type Credentials, DEFAULT_USER } from './access.ts'
import { Client } from './client.ts'
import { COMMANDS } from './commands/table.ts'
import { RespConnection } from './connection.ts'
import { ARGUMENT_BYTES_MAX, REQUEST_BYTES_MAX } from './constants.ts'
import { emptyCounters, type Facts } from './facts.ts'
import { RequestReader } from './reader.ts'

export interface RespGatewayInit {
  readonly store: KeyValueStore
  /** Who may use it. Default: everybody who can connect. */
  readonly credentials?: readonly Credentials[]
  /** Longest argument, in bytes. Default: the longest value of the store. */
  readonly argumentBytesMax?: number
  /** Connections at once, as clients are told. */
  readonly clientsMax: number
  /** The clock that absolute times are of. Default: the wall clock. */
  readonly nowUnixMs?: () => number
}

export class RespGateway {
  readonly #store: KeyValueStore
  readonly #facts: { -readonly [Name in keyof Facts]: Facts[Name] }
  #lastId = 0

  constructor(init: RespGatewayInit) {
    const { store, credentials = [], clientsMax, nowUnixMs = () => Date.now() } = init
    this.#store = store
    this.#facts = {
      access: new Access(credentials),
      commands: COMMANDS,
      counters: emptyCounters(),
      runId: randomBytes(20).toString('hex'),
      startedAtUnixMs: nowUnixMs(),
      argumentBytesMax: init.argumentBytesMax ?? Math.max(ARGUMENT_BYTES_MAX, store.limits.valueBytesMax),
      clientsMax,
      port: 0,
      nowUnixMs,
    }
  }

  get facts(): Facts {
    return this.#facts
  }

  /** Begin a connection; `close` it when it ends. */
  connect(address: string, localAddress: string): RespConnection {
    const facts = this.#facts
    const { argumentBytesMax } = facts
    return new RespConnection({
      store: this.#store,
      facts,
      reader: new RequestReader({
        argumentBytesMax,
        requestBytesMax: Math.max(REQUEST_BYTES_MAX, 2 * argumentBytesMax),
      }),
      client: new Client({
        id: ++this.#lastId,
        address,
        localAddress,
        connectedAtUnixMs: facts.nowUnixMs(),
        user: facts.access.isOpen ? DEFAULT_USER : undefined,
      }),
    })
  }
}
