import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { StoppedError, UsageError } from '@reprise/core'
import { ListenError } from '@reprise/p2p'
import { bytes, Member, startCluster, stopAll, until } from './support/member.ts'
import { closeProxies, TcpProxy } from './support/proxy.ts'

const run = promisify(execFile)

/** Run a module in a process of its own, as a user would; resolves with what it printed when it ended by itself. */
const runModule = async (source: string): Promise<string> => {
  const args = ['--conditions=@reprise/source', ...process.execArgv, '--input-type=module-typescript', '--eval', source]
  const { stdout, stderr } = await run(process.execPath, args, { cwd: import.meta.dirname, timeout: 15_000 })
  assert.equal(stderr, '')
  return stdout
}

describe('the life of a network', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(async () => {
    await stopAll()
    await closeProxies()
  })

  it('stops twice, also at once, and tells its owner nothing any more', async () => {
    const [a, b] = (await startCluster(2)) as [Member, Member]
    const told = a.told.length
    await Promise.all([a.network.stop(), a.network.stop()])
    await a.network.stop()
    await until(() => b.count('down', a) === 1, 'the loss')
    assert.equal(a.told.length, told)
    assert.deepEqual(a.network.addresses, [])
    assert.deepEqual(a.network.peers, [])
    assert.equal(a.network.send(b.id, 'control', bytes('late')), false)
    assert.equal(a.network.publish(0, bytes('late')), 0)
    a.network.setMembers(new Map([[b.id, b.network.addresses]]))
    a.network.subscribe(1)
    a.network.unsubscribe(1)
  })

  it('stops before it was started, while it starts, and with a peer that is silent', async () => {
    const unstarted = await Member.make()
    await unstarted.network.stop()
    await assert.rejects(unstarted.run(), StoppedError)

    const starting = await Member.make()
    const running = starting.run()
    await starting.network.stop()
    await running.catch(() => {})
    assert.deepEqual(starting.network.addresses, [])

    const [a, b] = await Promise.all([Member.start(), Member.start()])
    const proxy = await TcpProxy.start(Number(b.address.split('/')[4]))
    a.network.setMembers(new Map([[b.id, [proxy.address]]]))
    await until(() => a.hasSubscriber(b), 'the connection')
    proxy.stall()
    a.network.send(b.id, 'bulk', new Uint8Array(2 ** 20))
    a.network.publish(0, bytes('into the void'))
    await a.network.stop()
  })

  it('starts once', async () => {
    const a = await Member.start()
    await assert.rejects(a.run(), UsageError)
    await a.network.stop()
    await assert.rejects(a.run(), StoppedError)
  })

  it('says which address it cannot listen on, and leaves nothing open', async () => {
    const a = await Member.start()
    const listen = [a.address.replace(/\/p2p\/.*/, '')]
    const b = await Member.make({ listen })
    await assert.rejects(b.run(), (error: unknown) => error instanceof ListenError && error.addresses[0] === listen[0])
    await b.network.stop()
  })

  it('names the addresses it announces instead of those it listens on', async () => {
    const a = await Member.start({ announce: ['/ip4/192.0.2.1/tcp/4747'] })
    assert.deepEqual(a.network.addresses, [`/ip4/192.0.2.1/tcp/4747/p2p/${a.id}`])
  })

  it('refuses a shard that there is none of', async () => {
    const a = await Member.start()
    assert.throws(() => a.network.subscribe(8), UsageError)
    assert.throws(() => a.network.publish(-1, bytes('x')), UsageError)
    assert.throws(() => a.network.unsubscribe(0.5), UsageError)
  })

  it('tells what it counted', async () => {
    const [a, b] = (await startCluster(2)) as [Member, Member]
    a.network.publish(0, bytes('a frame'))
    a.network.send(b.id, 'control', bytes('a message'))
    await until(() => b.count('frame') === 1 && b.count('control') === 1, 'both')
    const [peer] = b.network.stats().peers
    assert.equal(peer?.nodeId, a.id)
    assert.equal(peer.link?.bytesIn, 'a frame'.length + 'a message'.length)
    assert.equal(peer.dialsFailed, 0)
    assert.equal(b.network.stats().counters.framesIn, 1)
    await until(() => a.network.stats().peers[0]!.link!.rttMs !== undefined, 'a round trip')
  })

  it('lets the process end by itself when it is stopped, and leaves no listener or socket', async () => {
    const printed = await runModule(`
      import { createNetwork } from '@reprise/p2p'
      const quiet = { onPeerUp() {}, onPeerDown() {}, onSubscriber() {}, onFrame() {}, onMessage() {} }
      const a = await createNetwork({ shardCount: 8 })
      await a.start(quiet)
      const b = await createNetwork({ shardCount: 8, join: [...a.addresses, 'nowhere.invalid:1', '127.0.0.1:1'] })
      const up = new Promise(resolve => { quiet.onSubscriber = resolve })
      a.subscribe(1)
      await b.start(quiet)
      await up
      await Promise.all([a.stop(), b.stop()])
      process.on('exit', () => console.log(process.getActiveResourcesInfo().filter(name => /TCP/.test(name)).length))
    `)
    assert.equal(printed, '0\n')
  })

  for (const handler of ['onFrame', 'onMessage', 'onPeerUp', 'onSubscriber']) {
    it(`lets a bug in the owner's ${handler} end the process instead of hiding it`, async () => {
      const dying = runModule(`
        import { createNetwork } from '@reprise/p2p'
        const quiet = { onPeerUp() {}, onPeerDown() {}, onSubscriber() {}, onFrame() {}, onMessage() {} }
        const bug = () => { throw new Error('a bug in ${handler}') }
        const a = await createNetwork({ shardCount: 8 })
        a.subscribe(0)
        await a.start({ ...quiet, ${handler}: bug })
        const b = await createNetwork({ shardCount: 8, join: [...a.addresses] })
        b.subscribe(0)
        const say = () => {
          b.publish(0, Buffer.from('a frame'))
          b.send(a.nodeId, 'bulk', Buffer.from('a message'))
        }
        await b.start({ ...quiet, onSubscriber: say })
      `)
      await assert.rejects(dying, new RegExp(`a bug in ${handler}`))
    })
  }

  it('works as the example in index.ts says', async () => {
    const source = await readFile(new URL('../src/index.ts', import.meta.url), 'utf8')
    const example = /```ts\n([\s\S]*?)```/.exec(source)![1]!.replaceAll(/^ \* ?/gm, '')
    // The example has no end of its own: stop both when the last thing it promises was printed.
    const printed = await runModule(`
      const print = console.log
      console.log = (...what) => {
        print(...what)
        if (what.includes('a message for one')) setImmediate(() => Promise.all([a.stop(), b.stop()]))
      }
      ${example}
    `)
    assert.match(printed, /b received a frame for all for shard 7/)
    assert.match(printed, /a received a message for one on control/)
  })
})
