import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ServerEvent } from '../page/event-stream.ts'
import { followEvents } from '../page/event-stream.ts'

describe('event stream', () => {
  it('reads events however they are cut, and comes back with the last id after a loss', async () => {
    const lastIds: (string | undefined)[] = []
    const authorizations: (string | undefined)[] = []
    const answers: ((response: ServerResponse) => void)[] = [
      (response) => {
        response.write(': hello\n\nid: 1\nevent: gap\nda')
        response.write('ta: {"a":\ndata: 1}\n\n')
        response.end()
      },
      (response) => response.write('id: 2\nevent: repaired\ndata: {}\n\n'),
    ]
    const server = createServer((request, response) => {
      lastIds.push(request.headers['last-event-id'] as string | undefined)
      authorizations.push(request.headers.authorization)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      answers.shift()?.(response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo

    const abort = new AbortController()
    const seen: ServerEvent[] = []
    let lost = 0
    await followEvents({
      url: `http://127.0.0.1:${port}/events`,
      headers: { authorization: 'Bearer t' },
      signal: abort.signal,
      onOpen: () => {},
      onLost: () => {
        lost++
      },
      onEvent: (event) => {
        seen.push(event)
        if (event.type === 'repaired') abort.abort()
      },
    })
    server.closeAllConnections()
    server.close()

    assert.deepEqual(seen, [
      { id: '1', type: 'gap', data: '{"a":\n1}' },
      { id: '2', type: 'repaired', data: '{}' },
    ])
    assert.equal(lost, 1)
    assert.deepEqual(lastIds, [undefined, '1'])
    assert.deepEqual(authorizations, ['Bearer t', 'Bearer t'])
  })

  it('tells what the server answered when it refuses', async () => {
    const server = createServer((_, response) => response.writeHead(401).end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const abort = new AbortController()
    const statuses: (number | undefined)[] = []
    await followEvents({
      url: `http://127.0.0.1:${port}/events`,
      headers: {},
      signal: abort.signal,
      onOpen: () => {},
      onEvent: () => {},
      onLost: (status) => {
        statuses.push(status)
        abort.abort()
      },
    })
    server.closeAllConnections()
    server.close()
    assert.deepEqual(statuses, [401])
  })
})
