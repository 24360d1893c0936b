import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { processMark } from '../../src/state/process-mark.ts'

describe('processMark', () => {
  it('stays the same while a process lives, differs from that of others, and ends with it', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const mark = processMark(child.pid!)
    assert.ok(mark)
    assert.equal(processMark(child.pid!), mark)
    assert.notEqual(processMark(process.pid), mark)
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.equal(processMark(child.pid!), undefined)
  })
})
