import assert from 'node:assert/strict'
import { stripVTControlCharacters, styleText } from 'node:util'
import type { DemoEvent } from '../../src/demo/events.ts'
import { frameLines, type Paint } from '../../src/demo/frame.ts'
import { DemoModel } from '../../src/demo/model.ts'
import { BEGUN, ENDED, member } from '../support/events.ts'

const PLAIN: Paint = (_, text) => text
const COLOURED: Paint = (colour, text) => styleText(colour, text, { validateStream: false })
const USUAL = { columns: 80, rows: 24 }

describe('frameLines', () => {
  function model(...events: readonly DemoEvent[]): DemoModel {
    const made = new DemoModel()
    for (const event of events) made.apply(event)
    return made
  }

  it('shows the nodes, the steps, and what is under way', () => {
    assert.deepEqual(frameLines(model(...BEGUN), USUAL, 2_345, PLAIN), [
      'Reprise: 3 nodes on this machine                                           2.3 s',
      '',
      'NODE    STATE   PID  HTTPS  FULL  LOCAL  PEERS  HELD  FULL ms  RESUMED ms',
      'node-1  up     4001   6001     1     10    100     7      6.0           -',
      'node-2  up     4002   6002     2     20    200     7        -         2.5',
      'node-3  up     4003   6003     3     30    300     7        -           -',
      'handshakes: FULL, or resumed from LOCAL memory or from PEERS; records HELD',
      '',
      '✓ start the nodes     3 processes',
      '▸ resume all of them  ',
      '· kill node-1         ',
      '  resumed ████████████░░░░░░░░░░░░ 1 of 2, now at node-2',
      '',
      '  node-1 is up, pid 4001',
      '  node-2 is up, pid 4002',
      '  node-3 is up, pid 4003',
    ])
  })

  it('names the address of the page when it is there, in a line of its own that can be copied', () => {
    const url = `http://127.0.0.1:65535/#token=${'x'.repeat(22)}`
    const [, line = ''] = frameLines(model(...BEGUN, { type: 'page', url }), USUAL, 2_345, PLAIN)
    assert.equal(line, url)
  })

  it('says how a broken node is', () => {
    const shown = model(...BEGUN, { type: 'member', member: member(2, 'cut') })
    const lines = frameLines(shown, USUAL, 2_345, PLAIN)
    assert.match(lines[4] ?? '', /^node-2 {2}cut /)
    assert.ok(lines.includes('  node-2 is cut off from the others; clients still reach it'))
  })

  it('ends with the verdict', () => {
    const lines = frameLines(model(...BEGUN, ...ENDED), USUAL, 9_900, PLAIN)
    assert.match(lines[3] ?? '', /^node-1 {2}down /)
    assert.deepEqual(lines.slice(11, 16), [
      '',
      'EVERY STEP HELD, in 9.9 s.',
      'TLS sessions resumed: 135 of 135, 0 lost.',
      'Handshakes, middle value: full 6.0 ms, resumed 3.0 ms, from peers 5.1 ms.',
      '',
    ])
  })

  it('says what to try while it plays on, with nodes that are up', () => {
    const lines = frameLines(model(...BEGUN, ...ENDED, { type: 'playing' }), USUAL, 60_000, PLAIN)
    assert.match(lines[0] ?? '', /q ends everything$/)
    assert.ok(lines.includes('1 session resumed so far, 0 lost. Clients go on, each time at another node.'))
    assert.ok(lines.includes('Make a TLS session at node-2, kill it, resume at node-3, in another terminal:'))
    assert.ok(lines.some((line) => line.startsWith('  kill -9 4002 ')))
  })

  it('fits every terminal, with and without colours', () => {
    const many = Array.from({ length: 32 }, (_, index): DemoEvent => ({ type: 'member', member: member(index + 1) }))
    const models = [
      model(),
      model(...BEGUN),
      model(...BEGUN, ...ENDED),
      model(...BEGUN, ...ENDED, { type: 'playing' }),
      model(...BEGUN, ...many),
    ]
    for (const shown of models) {
      for (const columns of [1, 20, 79, 80, 200]) {
        for (const rows of [1, 5, 10, 24, 60]) {
          const plain = frameLines(shown, { columns, rows }, 0, PLAIN)
          assert.ok(plain.length <= rows, `${plain.length} lines of ${rows}`)
          for (const line of plain) assert.ok(line.length <= columns, line)
          const coloured = frameLines(shown, { columns, rows }, 0, COLOURED)
          assert.deepEqual(coloured.map(stripVTControlCharacters), plain)
        }
      }
    }
  })
})
