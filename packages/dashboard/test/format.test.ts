import assert from 'node:assert/strict'
import { formatBytes, formatDuration, formatMs, formatRate, formatShare, shortId } from '../page/format.ts'

describe('format', () => {
  it('gives every number its unit', () => {
    assert.equal(formatBytes(512), '512 B')
    assert.equal(formatBytes(1_536), '1.5 KiB')
    assert.equal(formatBytes(64 * 1024 * 1024), '64 MiB')
    assert.equal(formatMs(0.42), '0.4 ms')
    assert.equal(formatMs(42.4), '42 ms')
    assert.equal(formatMs(1_250), '1.3 s')
    assert.equal(formatMs(125_000), '2 min 5 s')
    assert.equal(formatRate(0), '0/s')
    assert.equal(formatRate(2.25), '2.3/s')
    assert.equal(formatRate(12_345.6), '12,346/s')
    assert.equal(formatShare(0.42), '42 %')
    assert.equal(formatDuration(200), '0 s')
    assert.equal(formatDuration(90_061_000), '1 d 1 h')
    assert.equal(shortId('12D3KooWabcdefgh'), '…abcdefgh')
  })

  it('does not round a loss away', () => {
    assert.equal(formatShare(0.999), '99.9 %')
    assert.equal(formatShare(1), '100 %')
  })
})
