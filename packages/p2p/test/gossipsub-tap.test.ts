/** What gossipsub is told of its streams, and what it is not. */
import assert from 'node:assert/strict'
import type { GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection, Stream, StreamHandler, Topology } from '@libp2p/interface'
import { GossipsubTap } from '../src/gossipsub-tap.ts'

/** A registrar that keeps what it is given. */
class Registrar {
  handler: StreamHandler | undefined
  topology: Topology | undefined

  handle(_protocol: string, handler: StreamHandler): void {
    this.handler = handler
  }

  register(_protocol: string, topology: Topology): string {
    this.topology = topology
    return 'topology'
  }
}

/** A stream that nothing carries. */
class FakeStream extends EventTarget {
  status: Stream['status'] = 'open'

  end(error?: Error): void {
    this.dispatchEvent(Object.assign(new Event('close'), { error }))
  }
}

const connectionOf = (stream: FakeStream): Connection =>
  ({ remotePeer: 'peer', status: 'open', newStream: async () => stream }) as unknown as Connection

describe('a tap of gossipsub', () => {
  let registrar: Registrar
  let told: FakeStream[]
  let tapped: GossipSubComponents['registrar']

  beforeEach(() => {
    registrar = new Registrar()
    told = []
    const tap = new GossipsubTap((_nodeId, stream) => told.push(stream as unknown as FakeStream))
    tapped = tap.wrap({ registrar } as unknown as GossipSubComponents).registrar
  })

  it('says that a stream which failed has ended: for an error gossipsub forgets the peer, with its newer streams', async () => {
    const errors: unknown[] = []
    await tapped.handle('/gossip', (stream) => {
      stream.addEventListener('close', ({ error }) => errors.push(error))
    })
    const stream = new FakeStream()
    await registrar.handler?.(stream as unknown as Stream, connectionOf(stream))
    stream.end(new Error('reset'))
    assert.deepEqual(errors, [undefined])
  })

  it('gives no stream that ended while it was opened: gossipsub would wait for an end that has been', async () => {
    const opened: Promise<Stream>[] = []
    await tapped.register('/gossip', {
      onConnect: (_peer, connection) => void opened.push(connection.newStream(['/gossip'])),
    })
    const [whole, reset] = [new FakeStream(), new FakeStream()]
    reset.status = 'reset'
    for (const stream of [whole, reset]) {
      const connection = connectionOf(stream)
      void registrar.topology?.onConnect?.(connection.remotePeer, connection)
    }
    assert.equal(await opened[0], whole)
    await assert.rejects(async () => await opened[1], /the stream is reset/)
    assert.deepEqual(told, [whole])
  })
})
