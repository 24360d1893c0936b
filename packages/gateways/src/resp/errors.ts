/** What a client of the RESP gateway can be told. */
import { RepriseError } from '@reprise/core'

/** Thrown when what a client sends is no request. It is told so in Redis's words, and its connection ends. */
export class RespProtocolError extends RepriseError {
  constructor(what: string) {
    super('RESP_PROTOCOL', `Protocol error: ${what}`)
  }
}
