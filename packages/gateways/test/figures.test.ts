/** Each gateway counts the same things, whatever its protocol calls them. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import {
  type ClusterStore,
  createKeyValueStore,
  type ListenAddress,
  serveMemcached,
  serveResp,
  serveSessiond,
} from '../src/index.ts'
import { startNode, stopAll, until } from './support/cluster.ts'

/** Say something to a gateway, hang up, and listen to the end. */
async function say(where: ListenAddress, text: string): Promise<string> {
  const socket = connect(where)
  socket.end(text)
  let said = ''
  for await (const chunk of socket.setEncoding('latin1')) said += chunk
  return said
}

describe('the figures of a gateway', () => {
  let store: ClusterStore
  const listen = '127.0.0.1:0'

  beforeEach(async () => {
    store = createKeyValueStore({ node: await startNode() })
  })

  afterEach(stopAll)

  it('of memcached count commands, refusals, hits and misses, bytes and connections, and no client resets them', async () => {
    const gateway = await serveMemcached({ store, listen, connectionsMax: 1 })
    const zero = { commands: 0, errors: 0, hits: 0, misses: 0, bytes: { in: 0, out: 0 } }
    assert.deepEqual(gateway.figures(), { connections: { open: 0, accepted: 0, refused: 0 }, ...zero })

    const first = 'set a 0 0 1\r\nx\r\nget a b\r\nnonsense\r\nset a 0 0 nonsense\r\n'
    const large = `add c 0 0 ${store.limits.valueBytesMax + 1}\r\n`
    const answers = [await say(gateway.address, first), await say(gateway.address, large)]
    await until(() => gateway.connections === 0)
    const counted = gateway.figures()
    assert.deepEqual(counted, {
      connections: { open: 0, accepted: 2, refused: 0 },
      commands: 5,
      errors: 3,
      hits: 1,
      misses: 1,
      bytes: { in: first.length + large.length, out: answers.join('').length },
    })

    const reset = await say(gateway.address, 'stats reset\r\nget a\r\n')
    assert.match(reset, /^RESET\r\nVALUE a/)
    await until(() => gateway.connections === 0)
    const { connections, hits, misses, commands, bytes } = gateway.figures()
    assert.deepEqual([connections?.accepted, hits, misses, commands], [3, 2, 1, 7])
    assert.equal(bytes.in, counted.bytes.in + 'stats reset\r\nget a\r\n'.length)

    const held = connect(gateway.address)
    await until(() => gateway.connections === 1)
    await say(gateway.address, '').catch(() => {})
    await until(() => gateway.figures().connections?.refused === 1)
    assert.equal(gateway.figures().connections?.open, 1)
    held.destroy()
    await gateway.stop()
    assert.equal(gateway.figures().connections?.accepted, 4)
  })

  it('of RESP count the same', async () => {
    const gateway = await serveResp({ store, listen })
    const asked = 'SET a x\r\nGET a\r\nGET b\r\nNONSENSE\r\n'
    const answer = await say(gateway.address, asked)
    await until(() => gateway.connections === 0)
    assert.deepEqual(gateway.figures(), {
      connections: { open: 0, accepted: 1, refused: 0 },
      commands: 4,
      errors: 1,
      hits: 1,
      misses: 1,
      bytes: { in: asked.length, out: answer.length },
    })
    await gateway.stop()
  })

  it('of sessiond count the same, but there are no connections', async () => {
    const gateway = await serveSessiond({ store, listen })
    const socket = createSocket('udp4')
    const id = Buffer.alloc(32, 7)
    const [store_, get, none] = [Buffer.from([1, 0, 0, 9]), Buffer.from([1, 1, 0, 0]), Buffer.from('nonsense')]
    const send = (...parts: readonly Buffer[]): void =>
      socket.send(Buffer.concat(parts), gateway.address.port, '127.0.0.1')
    send(get, id)
    await once(socket, 'message')
    send(none)
    send(store_, id, Buffer.from('x'))
    await until(() => gateway.stats().stored === 1)
    send(get, id)
    await once(socket, 'message')
    assert.deepEqual(gateway.figures(), {
      commands: 4,
      errors: 1,
      hits: 1,
      misses: 1,
      bytes: { in: 36 + 8 + 37 + 36, out: 36 + 37 },
    })
    socket.close()
    await gateway.stop()
    assert.equal(gateway.figures().commands, 4)
  })
})
