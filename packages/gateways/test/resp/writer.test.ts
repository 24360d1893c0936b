import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ReplyWriter, type RespVersion } from '../../src/resp/writer.ts'

function written(version: RespVersion, write: (reply: ReplyWriter) => void): string {
  const reply = new ReplyWriter()
  reply.version = version
  write(reply)
  return reply.take()?.toString('latin1') ?? ''
}

describe('ReplyWriter', () => {
  for (const [what, write, resp2, resp3] of [
    ['a status', (reply) => reply.status('OK'), '+OK\r\n', '+OK\r\n'],
    ['an error on one line', (reply) => reply.error('ERR a\r\nb\r\n'), '-ERR a  b\r\n', '-ERR a  b\r\n'],
    ['bytes of an error as they are', (reply) => reply.error('ERR \xff'), '-ERR \xff\r\n', '-ERR \xff\r\n'],
    ['an integer', (reply) => reply.integer(1_234), ':1234\r\n', ':1234\r\n'],
    ['nothing', (reply) => reply.integer(0), ':0\r\n', ':0\r\n'],
    ['a negative integer', (reply) => reply.integer(-2), ':-2\r\n', ':-2\r\n'],
    [
      'a large integer',
      (reply) => reply.integer(2n ** 63n - 1n),
      ':9223372036854775807\r\n',
      ':9223372036854775807\r\n',
    ],
    ['bytes', (reply) => reply.bulk(Buffer.from('a\0')), '$2\r\na\0\r\n', '$2\r\na\0\r\n'],
    ['text as UTF-8', (reply) => reply.bulk('é'), '$2\r\n\xc3\xa9\r\n', '$2\r\n\xc3\xa9\r\n'],
    ['no bytes', (reply) => reply.bulk(''), '$0\r\n\r\n', '$0\r\n\r\n'],
    ['no value', (reply) => reply.null(), '$-1\r\n', '_\r\n'],
    ['an array', (reply) => reply.array(10), '*10\r\n', '*10\r\n'],
    ['a set', (reply) => reply.set(2), '*2\r\n', '~2\r\n'],
    ['a map', (reply) => reply.map(3), '*6\r\n', '%3\r\n'],
    ['text for people', (reply) => reply.verbatim('né'), '$3\r\nn\xc3\xa9\r\n', '=7\r\ntxt:n\xc3\xa9\r\n'],
  ] as readonly [string, (reply: ReplyWriter) => void, string, string][]) {
    it(`writes ${what}`, () => {
      assert.equal(written(2, write), resp2)
      assert.equal(written(3, write), resp3)
    })
  }

  it('writes every number that there may be', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        assert.equal(
          written(2, (reply) => reply.integer(value)),
          `:${value}\r\n`,
        )
      }),
    )
    for (let power = 1; power <= Number.MAX_SAFE_INTEGER; power *= 10) {
      for (const value of [power - 1, power, power + 1]) {
        assert.equal(
          written(2, (reply) => reply.integer(value)),
          `:${value}\r\n`,
        )
      }
    }
  })

  it('gathers replies until they are taken, however many', () => {
    const reply = new ReplyWriter()
    const values = Array.from({ length: 300 }, (_, i) => 'v'.repeat(i))
    for (const value of values) reply.bulk(value)
    assert.equal(reply.take()?.toString(), values.map((value) => `$${value.length}\r\n${value}\r\n`).join(''))
    assert.equal(reply.take(), undefined)
  })

  it('leaves what was taken alone', () => {
    const reply = new ReplyWriter()
    reply.status('first')
    const first = reply.take()
    for (let i = 0; i < 1_000; i++) reply.status('second')
    reply.take()
    assert.equal(first?.toString(), '+first\r\n')
  })
})
