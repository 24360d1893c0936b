import assert from 'node:assert/strict'
import { textLogger } from '../../src/daemon/logger.ts'

describe('the log for people', () => {
  it('has one line for each message, from its level up', () => {
    const lines: string[] = []
    const log = textLogger('info', (line) => lines.push(line.replace(/^\d\d:\d\d:\d\d\.\d{3}/, 'TIME')))
    log.debug('not seen')
    log.info('node ready', { members: 3, admin: 'http://127.0.0.1:7400' })
    log.warn('odd', { text: 'two words', list: ['a', 'b'] })
    log.error('failed', { error: new Error('no room') })
    log.info('plain')
    assert.deepEqual(lines, [
      'TIME  info   node ready  members=3 admin=http://127.0.0.1:7400\n',
      'TIME  warn   odd  text="two words" list=["a","b"]\n',
      'TIME  error  failed  error="no room"\n',
      'TIME  info   plain\n',
    ])
  })
})
