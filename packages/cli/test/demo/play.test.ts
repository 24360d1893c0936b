/** The clients that go on after the story, against a real small cluster: what counts as resumed, and what as lost. */
import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import { type ClientKind, visit } from '../../src/clients/tls-client.ts'
import { createCertificate } from '../../src/cluster/certificate.ts'
import { LocalCluster } from '../../src/cluster/local-cluster.ts'
import type { DemoEvent, Handshake } from '../../src/demo/events.ts'
import { DemoModel } from '../../src/demo/model.ts'
import { play } from '../../src/demo/play.ts'
import { type Client, Scene } from '../../src/demo/scene.ts'
import { listenOnLoopback } from '../../src/member/listen.ts'
import { until } from '../support/until.ts'

const KINDS: readonly ClientKind[] = ['TLS 1.2', 'TLS 1.2, no tickets', 'TLS 1.3']

describe('play', function () {
  this.timeout(90_000)
  let cluster: LocalCluster
  let model: DemoModel
  let events: DemoEvent[]
  let aborter: AbortController
  let playing: Promise<void>

  before(async () => {
    cluster = new LocalCluster({ nodes: 3 })
    await cluster.start()
  })

  after(() => cluster?.stop())

  beforeEach(() => {
    model = new DemoModel()
    events = []
    aborter = new AbortController()
  })

  afterEach(async () => {
    aborter.abort()
    await playing
    await until('all are up', () => cluster.members.every(({ state }) => state === 'up'))
  })

  const tell = (event: DemoEvent): void => {
    events.push(event)
    model.apply(event)
  }
  const scene = (): Scene => new Scene(cluster, tell, aborter.signal)

  async function begin(made: Scene, ...others: readonly Client[]): Promise<void> {
    for (const kind of KINDS) await made.makeSession(kind)
    made.clients.push(...others)
    playing = play(made, tell, aborter.signal)
  }

  const handshakesAt = (node: string): Handshake[] =>
    events.flatMap((event) => (event.type === 'handshake' && event.handshake.node === node ? [event.handshake] : []))
  const isSaid = (pattern: RegExp): boolean => events.some((event) => event.type === 'said' && pattern.test(event.text))
  const resumedMore = (count: number): Promise<void> => {
    const before = model.resumptions.resumed
    return until(`${count} more are resumed`, () => model.resumptions.resumed >= before + count, 40_000)
  }

  it('[R3] clients whose node freezes go elsewhere, and lose nothing', async () => {
    await begin(scene())
    cluster.freeze('node-2')
    await until('one gave up waiting', () => isSaid(/node-2 does not answer; the client goes elsewhere/))
    await resumedMore(10)
    cluster.thaw('node-2')
    await until('it serves again', () => cluster.member('node-2').state === 'up')
    await resumedMore(10)
    assert.equal(model.resumptions.lost, 0)
  })

  it('[R3] a node that is cut off resumes what it has, and what it makes meanwhile resumes everywhere when it is back', async () => {
    await begin(scene())
    cluster.cut('node-2')
    const before = handshakesAt('node-2').length
    const isResumed = ({ reused }: Handshake): boolean => reused
    await until('it resumes', () => handshakesAt('node-2').slice(before).some(isResumed), 40_000)
    await resumedMore(10)
    cluster.heal('node-2')
    await until('it is one of them again', () => cluster.member('node-2').state === 'up')
    await resumedMore(10)
    assert.equal(model.resumptions.lost, 0)
  })

  it('counts a session that no node knows as lost, once, and goes on with the new one', async () => {
    cluster.cut('node-2')
    await begin(scene(), { kind: 'TLS 1.2, no tickets', session: await foreignSession('TLS 1.2, no tickets') })
    await until('it is counted', () => model.resumptions.lost > 0)
    await resumedMore(10)
    cluster.heal('node-2')
    assert.equal(model.resumptions.lost, 1)
    assert.ok(isSaid(/LOST: a TLS 1.2, no tickets session at node-[13]/))
    const counted = handshakesAt('node-2').filter(({ offered, reused }) => offered && !reused)
    assert.deepEqual(counted, [], 'who is cut off cannot say that it is lost')
  })
})

/** A session of a server that has nothing to do with the cluster. */
async function foreignSession(kind: ClientKind): Promise<Buffer> {
  const { certificatePem, privateKeyPem } = await createCertificate()
  const server = createServer({ cert: certificatePem, key: privateKeyPem }, (_, response) => response.end('hello'))
  const port = await listenOnLoopback(server, 0)
  const { session } = await visit({
    target: { name: 'elsewhere', port },
    kind,
    certificatePem,
    signal: AbortSignal.timeout(20_000),
  })
  await new Promise((resolve) => server.close(resolve))
  assert.ok(session)
  return session
}
