import assert from 'node:assert/strict'
import { BrokenPromiseError } from '../../src/demo/broken-promise.ts'
import { DemoLines } from '../../src/demo/lines.ts'
import { BEGUN, ENDED, VERDICT } from '../support/events.ts'

describe('DemoLines', () => {
  /** A clock that goes on by a tenth of a second with each line. */
  function lines(events: readonly Parameters<DemoLines['linesOf']>[0][]): string[] {
    let nowMs = -100
    const demo = new DemoLines(() => {
      nowMs += 100
      return nowMs
    })
    return events.flatMap((event) => demo.linesOf(event))
  }

  it('tells the story as it happens', () => {
    assert.deepEqual(lines([...BEGUN, ...ENDED]), [
      'reprise demo: 3 nodes, each a process on this machine; nothing is kept',
      '',
      '   0.1 s  1/3    start the nodes',
      '   0.2 s           node-1 is up: pid 4001, https://127.0.0.1:6001',
      '   0.3 s           node-2 is up: pid 4002, https://127.0.0.1:6002',
      '   0.4 s           node-3 is up: pid 4003, https://127.0.0.1:6003',
      '   0.5 s  ok     3 processes [1.9 s]',
      '   0.6 s  2/3    resume all of them',
      '   0.7 s  ok     2 of 2 resumed [12 ms]',
      '   0.8 s  3/3    kill node-1',
      '   0.9 s           node-1 was killed by SIGKILL (pid 4001)',
      '   1.0 s           download: lost node-1, continues at node-2 from byte 8,454,144',
      '   1.1 s  ok     kill -9 4001 [20 ms]',
      '',
      'EVERY STEP HELD, in 9.9 s.',
      'TLS sessions resumed: 135 of 135, 0 lost.',
      'Handshakes, middle value: full 6.0 ms, resumed 3.0 ms, from peers 5.1 ms.',
    ])
  })

  it('names the step that failed, and why', () => {
    const error = new BrokenPromiseError('1 of 2 sessions lost', 'not resumed: TLS 1.3 at node-2')
    const verdict = { ...VERDICT, held: false, failedStep: 'resume all of them', lost: 1, peersMs: undefined }
    const events = [...BEGUN, { type: 'step-failed', step: 1, error, tookMs: 5 }, { type: 'verdict', verdict }] as const
    assert.deepEqual(lines(events).slice(-6), [
      '   0.7 s  FAILED 1 of 2 sessions lost',
      '   0.8 s           not resumed: TLS 1.3 at node-2',
      '',
      'FAILED after 9.9 s: resume all of them.',
      'TLS sessions resumed: 134 of 135, 1 lost.',
      'Handshakes, middle value: full 6.0 ms, resumed 3.0 ms.',
    ])
  })

  it('says what to try when the story is over', () => {
    const tried = lines([...BEGUN, ...ENDED, { type: 'playing' }]).slice(-10)
    assert.deepEqual(tried, [
      'Make a TLS session at node-2, kill it, resume at node-3, in another terminal:',
      '  openssl s_client -tls1_2 -no_ticket -connect 127.0.0.1:6002 \\',
      '    -sess_out /tmp/reprise.pem </dev/null 2>&1 | grep ^New',
      '  kill -9 4002     # it is started again after 5 s',
      '  openssl s_client -tls1_2 -no_ticket -connect 127.0.0.1:6003 \\',
      '    -sess_in /tmp/reprise.pem </dev/null 2>&1 | grep ^Reused',
      'Or open https://127.0.0.1:6003 in a browser; its certificate is self-signed.',
      '',
      '^C ends everything.',
      '',
    ])
  })
})
