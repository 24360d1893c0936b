/** Ends by signals, of real processes in a real cluster. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { endOnSignals } from '@reprise/admin'
import { createNode, type Node, UsageError } from '@reprise/node'
import { Child, killAll } from './support/child.ts'

describe('an end by a signal', function () {
  this.timeout(20_000)
  let node: Node

  before(async () => {
    node = await createNode({ name: 'stays', secret: 'the secret of a cluster in a test' })
  })

  afterEach(killAll)

  after(() => node.stop())

  async function start(mode: string, drainMs = 10_000): Promise<{ child: Child; url: string }> {
    const child = new Child('./member-process.ts', mode, node.addresses[0] ?? '', String(drainMs))
    return { child, url: await child.line() }
  }

  it('[R5] is not ready at once, hands over what it holds, leaves, and exits with 0', async () => {
    const { child, url } = await start('hold')
    assert.equal((await fetch(`${url}/readyz`)).status, 200)
    const down = once(node, 'member:down')
    child.process.kill('SIGTERM')
    assert.equal(await child.line(), 'draining SIGTERM')
    const ready = await fetch(`${url}/readyz?verbose`)
    assert.deepEqual([ready.status, (await ready.text()).split('\n').at(-2)], [503, '[-]draining'])
    assert.equal((await fetch(`${url}/livez`)).status, 200)

    child.tell('go on')
    const [{ name, reason }] = await down
    assert.deepEqual([name, reason], ['child', 'left'])
    assert.deepEqual(await child.ended, { code: 0, signal: null, stderr: '' })
    const found = await node.resume(`of ${child.process.pid}`)
    assert(found.outcome === 'complete')
    assert.equal(found.get('n'), 1)
  })

  it('goes on when the program does not end in time', async () => {
    const { child } = await start('hold', 100)
    child.process.kill('SIGINT')
    assert.equal(await child.line(), 'draining SIGINT')
    assert.deepEqual(await child.ended, { code: 0, signal: null, stderr: '' })
  })

  it('goes on when the program fails, and exits with 1', async () => {
    const { child } = await start('fail')
    child.process.kill('SIGTERM')
    assert.equal(await child.line(), 'draining SIGTERM')
    assert.deepEqual(await child.ended, { code: 1, signal: null, stderr: '' })
  })

  it('is cut short by a second signal, with 128 and its number', async () => {
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const { child } = await start('stuck')
      child.process.kill('SIGTERM')
      assert.equal(await child.line(), 'draining SIGTERM')
      child.process.kill(signal)
      assert.deepEqual(await child.ended, { code, signal: null, stderr: '' })
    }
  })

  it('takes its handlers away when nobody waits for it any more', () => {
    const before = process.listenerCount('SIGTERM')
    const end = endOnSignals({ node })
    assert.equal(process.listenerCount('SIGTERM'), before + 1)
    end.dispose()
    assert.equal(process.listenerCount('SIGTERM'), before)
    assert.throws(() => endOnSignals({ node, drainMs: -1 }), UsageError)
  })
})
