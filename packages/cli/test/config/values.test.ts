import assert from 'node:assert/strict'
import {
  bytes,
  countOrAll,
  hostAndPort,
  list,
  milliseconds,
  millisecondsOrNone,
  oneOf,
  text,
  ValueError,
} from '../../src/config/values.ts'

describe('kinds of values', () => {
  it('take bytes with and without a unit', () => {
    const size = bytes({ min: 1024, max: 1024 ** 3 })
    assert.equal(size.fromText('2048'), 2048)
    assert.equal(size.fromText('64MiB'), 64 * 1024 ** 2)
    assert.equal(size.fromData('1 GiB'), 1024 ** 3)
    assert.equal(size.fromData(4096), 4096)
    assert.equal(size.show(64 * 1024 ** 2), '64.0 MiB')
    for (const wrong of ['', '64MB', '1KiB!', '-1', '1.5MiB', '2GiB'])
      assert.throws(() => size.fromText(wrong), ValueError)
    for (const wrong of [1, 4096.5, true, null]) assert.throws(() => size.fromData(wrong), ValueError)
  })

  it('tell a number from text that only looks like none', () => {
    const span = milliseconds({ min: 0, max: 10_000 })
    assert.equal(span.fromText('250'), 250)
    for (const wrong of ['', ' ', '1.5', '10001', 'soon', '10s']) assert.throws(() => span.fromText(wrong), ValueError)
    // In a file a number is a number.
    assert.throws(() => span.fromData('250'), ValueError)
    assert.equal(span.show(250), '250 ms')
  })

  it('take 0 for not at all', () => {
    const span = millisecondsOrNone({ min: 100, max: 1_000 })
    assert.deepEqual([span.fromText('0'), span.fromData(100)], [0, 100])
    for (const wrong of ['99', '-1', '1001']) assert.throws(() => span.fromText(wrong), /expected 0, or a whole number/)
  })

  it('take lists with commas, and from files as lists of texts', () => {
    const addresses = list('<address>', 3)
    assert.deepEqual(addresses.fromText('a, b,c'), ['a', 'b', 'c'])
    assert.deepEqual(addresses.fromData(['a']), ['a'])
    assert.throws(() => addresses.fromText('a,,b'), ValueError)
    assert.throws(() => addresses.fromText('a,b,c,d'), ValueError)
    assert.throws(() => addresses.fromData('a'), ValueError)
    assert.throws(() => addresses.fromData([1]), ValueError)
  })

  it('take hosts with ports, IPv6 in brackets, and addresses of plain HTTP', () => {
    for (const [given, host, port] of [
      ['127.0.0.1:7400', '127.0.0.1', 7400],
      ['http://node-1.internal:80/', 'node-1.internal', 80],
      ['[::1]:0', '::1', 0],
    ] as const) {
      assert.deepEqual(hostAndPort.fromText(given), { host, port })
    }
    assert.throws(() => hostAndPort.fromData({ toString: null }), ValueError)
    assert.throws(() => hostAndPort.fromData(['127.0.0.1:7400']), ValueError)
    assert.equal(hostAndPort.show({ host: '::1', port: 7400 }), '[::1]:7400')
    for (const wrong of ['127.0.0.1', ':7400', '::1:7400', 'https://a:1', 'a:65536', 'http://a:1/status', 'a:1@b']) {
      assert.throws(() => hostAndPort.fromText(wrong), ValueError, wrong)
    }
  })

  it('say what they expect', () => {
    assert.throws(() => oneOf(['tls', 'noise']).fromText('ssl'), /expected one of tls, noise/)
    assert.throws(() => countOrAll(64).fromText('some'), /expected a whole number from 0 to 64, or all/)
    assert.throws(() => text('<name>', 3).fromText('long'), /expected text of 1 to 3 characters/)
    assert.equal(countOrAll(64).fromData('all'), 'all')
  })
})
