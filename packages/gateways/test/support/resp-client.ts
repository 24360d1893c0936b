/** A client of the RESP gateway without a socket: words in, the bytes of the replies out as text. */

import type { RespConversation } from '../../src/resp/conversation.ts'
import { RespGateway, type RespGatewayInit } from '../../src/resp/gateway.ts'
import { MoodyStore } from './moody-store.ts'

export interface Bench {
  readonly store: MoodyStore
  readonly gateway: RespGateway
  /** Another client. */
  connect(): RespClient
}

export function gatewayOnMemory(init: Partial<RespGatewayInit> = {}): Bench {
  const store = new MoodyStore()
  const gateway = new RespGateway({ store, clientsMax: 10, nowUnixMs: () => store.memory.nowMs, ...init })
  return { store, gateway, connect: () => new RespClient(gateway.open()) }
}

export class RespClient {
  readonly conversation: RespConversation

  constructor(conversation: RespConversation) {
    this.conversation = conversation
  }

  /** Send one request. @returns its reply, a character a byte. */
  async ask(...words: readonly (string | Uint8Array)[]): Promise<string> {
    return await this.send(multibulk(words))
  }

  /** Send bytes. @returns what comes back, until nothing more can. */
  async send(bytes: Uint8Array): Promise<string> {
    const replies: Buffer[] = []
    this.conversation.receive(Buffer.from(bytes))
    for (let state = await this.conversation.work(); ; state = await this.conversation.work()) {
      const taken = this.conversation.take()
      if (taken !== undefined) replies.push(taken)
      if (state !== 'full') return Buffer.concat(replies).toString('latin1')
    }
  }
}

/** A request as libraries send it; text stands for its bytes in Latin-1. */
export function multibulk(words: readonly (string | Uint8Array)[]): Buffer {
  const parts = words.map((word) => {
    const bytes = typeof word === 'string' ? Buffer.from(word, 'latin1') : word
    return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')])
  })
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts])
}
