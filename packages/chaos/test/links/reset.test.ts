import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { reset } from '../../src/links/reset.ts'

describe('reset', () => {
  let server: Server
  let here: Socket
  let there: Socket

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    const accepted = once(server, 'connection')
    here = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true })
    await once(here, 'connect')
    ;[there] = await accepted
    there.resume()
  })

  afterEach(() => {
    there.destroy()
    server.close()
  })

  it('tells the other end', async () => {
    const error = once(there, 'error')
    reset(here)
    assert.equal((await error)[0].code, 'ECONNRESET')
  })

  it('closes what is being shut down, which Node would neither reset nor close', async () => {
    const ended = once(there, 'end')
    here.end()
    reset(here)
    // Rejects with the error, if there is one.
    await once(here, 'close')
    await ended
  })
})
