import assert from 'node:assert/strict'
import { sessionLines } from '../../src/views/session.ts'
import { SESSION_SAMPLE } from '../support/fake-admin.ts'

describe('a session', () => {
  it('is shown without values', () => {
    assert.deepEqual(sessionLines(SESSION_SAMPLE, { asked: 'node-1', reveal: false }), [
      'session cart-17: complete, from node-1 itself',
      'ends in 30 min when it is not used, in 24 h at the latest',
      '',
      'PORTION   SIZE  VERSION',
      'basket    18 B  7.1 by …aaaaaaaa',
      'theme    2 KiB  6.4 by …bbbbbbbb',
    ])
  })

  it('is shown with values when they were asked for, and with what is missing', () => {
    const document = {
      ...SESSION_SAMPLE,
      outcome: 'partial',
      portions: { basket: { bytes: 18, version: '7.1', value: { items: ['tea'] } } },
      missing: ['theme'],
      origin: { kind: 'peers', peers: ['12D3KooWverylongpeerid', 'node-3'], silent: [] },
    } as const
    assert.deepEqual(sessionLines(document, { asked: 'node-1', reveal: true }), [
      'session cart-17: partial, from node-1, which asked …ngpeerid, node-3',
      'ends in 30 min when it is not used, in 24 h at the latest',
      '',
      'PORTION  SIZE  VERSION  VALUE',
      'basket   18 B  7.1      {"items":["tea"]}',
      '',
      'not found: theme',
    ])
  })
})
