import assert from 'node:assert/strict'
import { DOWNLOAD_BYTES } from '../../src/member/constants.ts'
import { DOWNLOAD_ETAG, wantedRange } from '../../src/member/download.ts'

describe('wantedRange', () => {
  const last = DOWNLOAD_BYTES - 1
  for (const [header, expected] of [
    [undefined, undefined],
    ['bytes=0-', { start: 0, end: DOWNLOAD_BYTES }],
    ['bytes=100-199', { start: 100, end: 200 }],
    [`bytes=100-${last + 1_000}`, { start: 100, end: DOWNLOAD_BYTES }],
    [`bytes=${last}-`, { start: last, end: DOWNLOAD_BYTES }],
    ['bytes=-1', { start: last, end: DOWNLOAD_BYTES }],
    [`bytes=-${DOWNLOAD_BYTES + 1}`, { start: 0, end: DOWNLOAD_BYTES }],
    [`bytes=${DOWNLOAD_BYTES}-`, 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    // What is not well formed, or more than one range, is answered with the whole.
    ['bytes=-', undefined],
    ['bytes=200-100', undefined],
    ['bytes=0-1,5-6', undefined],
    ['bytes=0x10-', undefined],
    ['items=0-1', undefined],
    [`bytes=${'9'.repeat(400)}-`, undefined],
  ] as const) {
    it(`takes ${header} for ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(wantedRange(header, undefined), expected)
    })
  }

  it('serves the whole when the client has a part of something else', () => {
    assert.deepEqual(wantedRange('bytes=5-', DOWNLOAD_ETAG), { start: 5, end: DOWNLOAD_BYTES })
    assert.equal(wantedRange('bytes=5-', '"another"'), undefined)
    assert.equal(wantedRange('bytes=5-', `W/${DOWNLOAD_ETAG}`), undefined, 'a weak tag does not tell bytes apart')
  })
})
