/** The gateway says what redis-server said, byte for byte, whether its answers are here or come later. */
import assert from 'node:assert/strict'
import { gatewayOnMemory, type RespClient } from '../support/resp-client.ts'
import { type Conversation, readTranscript, replay, TRANSCRIPT_NAMES } from '../support/transcript.ts'

function conversation(password?: string, isSlow = false): Conversation {
  const bench = gatewayOnMemory(password === undefined ? {} : { credentials: [{ password }] })
  bench.store.isSlow = isSlow
  let client: RespClient | undefined
  return {
    connect: async () => {
      client = bench.connect()
    },
    exchange: async (bytes) => {
      assert(client !== undefined)
      const reply = Buffer.from(await client.send(bytes), 'latin1')
      return { reply, isOver: client.connection.client.isLeaving }
    },
  }
}

describe('RESP transcripts', () => {
  for (const name of TRANSCRIPT_NAMES) {
    for (const isSlow of [false, true]) {
      it(`${name}${isSlow ? ', when other nodes are asked' : ''}`, async () => {
        const transcript = readTranscript(name)
        assert.equal(await replay(transcript, conversation(undefined, isSlow)), transcript)
      })
    }
  }

  it('auth', async () => {
    const transcript = readTranscript('auth')
    assert.equal(await replay(transcript, conversation('secret')), transcript)
  })
})
