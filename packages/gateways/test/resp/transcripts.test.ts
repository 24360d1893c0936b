/** The gateway says what redis-server said, byte for byte, whether its answers are here or come later. */
import assert from 'node:assert/strict'
import { gatewayOnMemory, type RespClient } from '../support/resp-client.ts'
import { assertSays, type RespServer, TRANSCRIPT_NAMES } from '../support/transcript.ts'

function conversation(password?: string, isSlow = false): RespServer {
  const bench = gatewayOnMemory(password === undefined ? {} : { credentials: { user: 'default', password } })
  bench.store.isSlow = isSlow
  let client: RespClient | undefined
  return {
    connect: async () => {
      client = bench.connect()
    },
    exchange: async (bytes) => {
      assert(client !== undefined)
      const reply = Buffer.from(await client.send(bytes), 'latin1')
      return { reply, isOver: client.conversation.client.isLeaving }
    },
  }
}

describe('RESP transcripts', () => {
  for (const name of TRANSCRIPT_NAMES) {
    for (const isSlow of [false, true]) {
      it(`${name}${isSlow ? ', when other nodes are asked' : ''}`, async () => {
        await assertSays(name, conversation(undefined, isSlow))
      })
    }
  }

  it('auth', async () => {
    await assertSays('auth', conversation('secret'))
  })
})
