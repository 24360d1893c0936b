import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PROXY_V2_BYTES_MAX } from '../src/constants.ts'
import { parseProxyHeader } from '../src/proxy-protocol.ts'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

function version2(command: number, family: number, payload: string): Buffer {
  const rest = Buffer.from(payload, 'hex')
  return Buffer.concat([SIGNATURE, Buffer.from([0x20 | command, family, rest.length >> 8, rest.length & 0xff]), rest])
}

const V4 = version2(1, 0x11, 'cb007107c0000201c82201bb')
const V6 = version2(1, 0x21, '20010db8000000000000000000000007' + '20010db8000000000001000000000001' + 'c82201bb')
const LINE = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 51234 443\r\n')

describe('parseProxyHeader', () => {
  it('reads version 1', () => {
    assert.deepEqual(parseProxyHeader(Buffer.concat([LINE, Buffer.from([22])])), {
      version: 1,
      source: { address: '203.0.113.7', port: 51_234, family: 'IPv4' },
      destination: { address: '192.0.2.1', port: 443, family: 'IPv4' },
      length: LINE.length,
    })
    const six = parseProxyHeader(Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n'))
    assert.deepEqual(six !== 'more' && six !== 'garbage' && six.source, {
      address: '2001:db8::7',
      port: 1,
      family: 'IPv6',
    })
    const unknown = parseProxyHeader(Buffer.from('PROXY UNKNOWN anything at all\r\n'))
    assert.deepEqual(unknown, { version: 1, source: undefined, destination: undefined, length: 31 })
  })

  it('reads version 2, with extensions skipped', () => {
    const source = { address: '203.0.113.7', port: 51_234, family: 'IPv4' }
    const destination = { address: '192.0.2.1', port: 443, family: 'IPv4' }
    assert.deepEqual(parseProxyHeader(V4), { version: 2, source, destination, length: 28 })
    const extended = version2(1, 0x11, 'cb007107c0000201c82201bb' + '04000401020304')
    assert.deepEqual(parseProxyHeader(extended), { version: 2, source, destination, length: 35 })
    const six = parseProxyHeader(V6)
    assert.deepEqual(six, {
      version: 2,
      source: { address: '2001:db8::7', port: 51_234, family: 'IPv6' },
      destination: { address: '2001:db8::1:0:0:1', port: 443, family: 'IPv6' },
      length: 52,
    })
  })

  for (const [hex, text] of [
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['20010db8000100020003000400050006', '2001:db8:1:2:3:4:5:6'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['00000000000000000000ffffcb007107', '::ffff:203.0.113.7'],
  ] as const) {
    it(`writes an IPv6 address as ${text}`, () => {
      const header = parseProxyHeader(version2(1, 0x21, `${hex}${hex}00010002`))
      assert.equal(typeof header === 'object' && header.source?.address, text)
    })
  }

  it('has no client for a health check, and for families without address', () => {
    for (const header of [
      version2(0, 0, ''),
      version2(1, 0, ''),
      version2(1, 0x31, '00'.repeat(216)),
      version2(1, 0x12, ''),
    ]) {
      const parsed = parseProxyHeader(header)
      assert.deepEqual(typeof parsed === 'object' && [parsed.source, parsed.length], [undefined, header.length])
    }
  })

  for (const [what, bytes] of [
    ['a ClientHello', Buffer.from([22, 3, 1, 2, 0])],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a line feed alone', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n')],
    ['a line of 108 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
    ['an unknown protocol', Buffer.from('PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n')],
    ['an address of the other family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['a name for an address', Buffer.from('PROXY TCP4 localhost 2.2.2.2 1 2\r\n')],
    ['a port over 65535', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n')],
    ['a port with a sign', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n')],
    ['a port missing', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n')],
    ['one field too many', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n')],
    ['version 3', Buffer.concat([SIGNATURE, Buffer.from([0x31, 0x11, 0, 12]), Buffer.alloc(12)])],
    ['an unknown command', version2(2, 0x11, '00'.repeat(12))],
    ['addresses that do not fit', version2(1, 0x11, '00'.repeat(11))],
    ['a header over the limit', Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, PROXY_V2_BYTES_MAX >> 8, 0])])],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.equal(parseProxyHeader(bytes), 'garbage')
    })
  }

  it('wants more at every byte but the last', () => {
    for (const header of [LINE, V4, V6]) {
      for (let length = 0; length < header.length; length++) {
        assert.equal(parseProxyHeader(header.subarray(0, length)), 'more')
      }
    }
  })

  it('never throws, never takes more than there is, and says nothing that a byte more unsays (property)', () => {
    const mutated = fc
      .tuple(fc.constantFrom(LINE, V4, V6), fc.array(fc.tuple(fc.nat(51), fc.nat(255)), { maxLength: 3 }), fc.nat(60))
      .map(([header, changes, length]) => {
        const bytes = Buffer.concat([header, Buffer.alloc(8)])
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        return bytes.subarray(0, length)
      })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), fc.nat(255), (bytes, more) => {
        const verdict = parseProxyHeader(bytes)
        if (verdict === 'more') return
        if (verdict !== 'garbage') assert.ok(verdict.length <= bytes.length)
        assert.deepEqual(parseProxyHeader(Buffer.concat([bytes, Buffer.from([more])])), verdict)
      }),
      { numRuns: 3_000 },
    )
  })
})
