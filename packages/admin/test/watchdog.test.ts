/** The watchdog, in real processes: what it is for cannot be tested in one that goes on. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { startWatchdog } from '@reprise/admin'
import { UsageError } from '@reprise/node'
import { Child, killAll } from './support/child.ts'

const start = (...args: readonly string[]): Child => new Child('./watchdog-process.ts', ...args)

describe('the watchdog', function () {
  this.timeout(20_000)
  afterEach(killAll)

  it('ends a process whose event loop stands still, says so, and its port refuses', async () => {
    const child = start('serve', '300')
    const port = Number(await child.line())
    child.tell('block 60000')
    const { signal, stderr } = await child.ended
    assert.equal(signal, 'SIGKILL')
    assert.match(stderr, /^reprise: the event loop of process \d+ stood still for 300 ms; it is ended[^\n]*\n$/)
    await assert.rejects(connected(port), { code: 'ECONNREFUSED' })
  })

  it('leaves a process that was suspended as a whole', async () => {
    const child = start('serve', '500')
    await child.line()
    for (let time = 0; time < 2; time++) {
      child.process.kill('SIGSTOP')
      // Longer than the stall: that is the point.
      await pause(1_300)
      child.process.kill('SIGCONT')
      child.tell('run 1000')
      assert.equal(await child.line(), 'run done')
    }
    child.tell('end')
    assert.deepEqual(await child.ended, { code: 0, signal: null, stderr: '' })
  })

  it('leaves a process that is busy for less than a stall, and one that it watches no more', async () => {
    const child = start('serve', '1000')
    await child.line()
    child.tell('block 300')
    assert.equal(await child.line(), 'block done')
    child.tell('stop')
    assert.equal(await child.line(), 'stop done')
    child.tell('block 2500')
    assert.equal(await child.line(), 'block done')
    child.tell('end')
    assert.deepEqual(await child.ended, { code: 0, signal: null, stderr: '' })
  })

  it('can be told to report only, once for each stall', async () => {
    const child = start('serve', '200', 'report')
    await child.line()
    const stall = async (): Promise<void> => {
      child.tell('block 2000')
      assert.equal(await child.line(), 'block done')
      child.tell('run 200')
      assert.equal(await child.line(), 'run done')
    }
    // The watch begins some time after the process.
    while (child.stderr === '') await stall()
    await stall()
    child.tell('end')
    const { code, stderr } = await child.ended
    assert.equal(code, 0)
    assert.match(stderr, /^(?:reprise: the event loop of process \d+ stood still for 200 ms\n){2}$/)
  })

  it('does not keep a process alive that has nothing to do', async () => {
    assert.deepEqual(await start('idle', '60000').ended, { code: 0, signal: null, stderr: '' })
  })

  it('refuses a stall that is none', () => {
    for (const stallMs of [0, 99, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => startWatchdog({ stallMs }), UsageError)
    }
  })
})

function connected(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve()
    })
    socket.on('error', reject)
  })
}
