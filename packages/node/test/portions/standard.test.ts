/** The standard portions by themselves: their bytes, what they refuse, and what they make of foreign bytes. */
import assert from 'node:assert/strict'
import type { PortionCodec } from '@reprise/core'
import { auth, PortionError, purchase, tlsSession, transport } from '@reprise/node'
import fc from 'fast-check'
import {
  AUTH,
  AUTHS,
  PURCHASE,
  PURCHASES,
  TLS_SESSION,
  TLS_SESSIONS,
  TRANSPORT,
  TRANSPORTS,
} from '../support/portions.ts'

interface Case {
  readonly codec: PortionCodec<unknown>
  readonly sample: object
  readonly all: fc.Arbitrary<object>
  /** The sample's bytes, base64. They are never changed: what is stored under a version stays readable. */
  readonly golden: string
}

const CASES: readonly Case[] = [
  {
    codec: auth,
    sample: AUTH,
    all: AUTHS,
    golden:
      'AaZlcm9sZXOCZWJ1eWVyZWFkbWluZmNsYWltc6JlZW1haWxvYWRhQGV4YW1wbGUub3JnZmdyb3Vwc4IBAmZtZXRob2Rod2ViYXV0aG5mdXNlcklkY2FkYWtleHBpcmVzQXRNcxsAAAGbdxGWgHFhdXRoZW50aWNhdGVkQXRNcxsAAAGbdtqoAA==',
  },
  {
    codec: tlsSession,
    sample: TLS_SESSION,
    all: TLS_SESSIONS,
    golden:
      'AqhmY2lwaGVydlRMU19BRVNfMTI4X0dDTV9TSEEyNTZnYmluZGluZ1ggsrKysrKysrKysrKysrKysrKysrKysrKysrKysrKysrJnc2Vzc2lvbkUwAwIBAWhwcm90b2NvbGdUTFN2MS4zaXNlc3Npb25JZFggoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaFqc2VydmVyTmFtZWxzaG9wLmV4YW1wbGVrY3JlYXRlZEF0TXMbAAABm3baqABzYXBwbGljYXRpb25Qcm90b2NvbGJoMg==',
  },
  {
    codec: transport,
    sample: TRANSPORT,
    all: TRANSPORTS,
    golden:
      'AaZmaGVhZGVypGZzb3VyY2WiZHBvcnQZAbtnYWRkcmVzc2kxOTIuMC4yLjdoc2VxdWVuY2Ua////+mtkZXN0aW5hdGlvbqJkcG9ydBnDwGdhZGRyZXNzbTE5OC41MS4xMDAuMjNvYWNrbm93bGVkZ2VtZW50EWZsZW5ndGgaAIAAAGZvZmZzZXQaAFAAAGZ3aW5kb3caAAEAAGdjb250ZW50ciJyZXByaXNlLXVwbG9hZC0xImxhY2tub3dsZWRnZWQaAE8AAA==',
  },
  {
    codec: purchase,
    sample: PURCHASE,
    all: PURCHASES,
    golden:
      'AaNlaXRlbXOCpGNza3VndGVhLTI1MGRuYW1lbEFzc2FtLCAyNTAgZ2VwcmljZaJmYW1vdW50GQHCaGN1cnJlbmN5Y0VVUmhxdWFudGl0eQKjY3NrdWNwb3RlcHJpY2WiZmFtb3VudBkLVGhjdXJyZW5jeWNFVVJocXVhbnRpdHkBa3RyYW5zYWN0aW9upmJpZGhvcmRlci0xN2VzdGF0ZWphdXRob3JpemVkZXRvdGFsomZhbW91bnQZDthoY3VycmVuY3ljRVVSaHByb3ZpZGVyZGJhbmtpcmVmZXJlbmNlZnBheV8xeGt1cGRhdGVkQXRNcxsAAAGbdtqoAG5iaWxsaW5nQWRkcmVzc6hkY2l0eWZMb25kb25kbmFtZWxBZGEgTG92ZWxhY2VlZW1haWxvYWRhQGV4YW1wbGUub3JnZWxpbmVzgXQxMiBTdCBKYW1lcydzIFNxdWFyZWV0YXhJZGtHQjEyMzQ1Njc4OWZyZWdpb25uR3JlYXRlciBMb25kb25nY291bnRyeWJHQmpwb3N0YWxDb2RlaFNXMVkgNEpI',
  },
]

for (const { codec, sample, all, golden } of CASES) {
  describe(`the portion ${codec.name}`, () => {
    it('has the bytes that it always had', () => {
      assert.equal(Buffer.from(codec.encode(sample)).toString('base64'), golden)
      assert.deepEqual(codec.decode(Buffer.from(golden, 'base64')), sample)
    })

    it('comes back as it was set', () => {
      fc.assert(fc.property(all, (value) => assert.deepEqual(codec.decode(codec.encode(value)), value)))
    })

    it('keeps fields that it does not know, and leaves out those that are undefined', () => {
      const more = { ...sample, later: { added: [1, 'two', new Uint8Array([3])] } }
      assert.deepEqual(codec.decode(codec.encode({ ...more, never: undefined })), more)
    })

    it('is a PortionError when its bytes are cut short anywhere', () => {
      const bytes = codec.encode(sample)
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => codec.decode(bytes.subarray(0, length)), isPortionError(codec, 'PORTION_MALFORMED'))
      }
    })

    it('is a PortionError, or a value of the same shape, when its bytes were changed', () => {
      const bytes = codec.encode(sample)
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
          const changed = Uint8Array.from(bytes)
          changed[at] = byte
          let value: unknown
          try {
            value = codec.decode(changed)
          } catch (error) {
            assert(error instanceof PortionError && error.portion === codec.name)
            return
          }
          assert.deepEqual(codec.decode(codec.encode(value)), value)
        }),
        { numRuns: 1_000 },
      )
    })

    it('is a PortionError whatever the bytes are, never anything else', () => {
      const versions = fc.constantFrom(0, 1, 2, 3, 255)
      fc.assert(
        fc.property(versions, fc.uint8Array({ maxLength: 200 }), (version, rest) => {
          assert.throws(() => codec.decode(Uint8Array.of(version, ...rest)), isPortionError(codec))
        }),
        { numRuns: 500 },
      )
    })

    it('is refused without any one of its required fields, and the error names it', () => {
      for (const [key] of Object.entries(sample)) {
        const { [key]: left, ...rest } = sample as Record<string, unknown>
        try {
          codec.encode(rest)
        } catch (error) {
          assert(error instanceof PortionError)
          assert.deepEqual([error.path, error.got], [`${codec.name}.${key}`, 'nothing'])
        }
        assert.throws(
          () => codec.encode({ ...rest, [key]: Symbol('x') }),
          (error) => error instanceof PortionError && error.path.startsWith(`${codec.name}.${key}`),
        )
        assert(left !== undefined)
      }
    })

    it('is refused when it is no object, or an object with a prototype of its own choice', () => {
      for (const value of [undefined, null, 1, 'x', [], new Map(), new (class A {})(), new Uint8Array(3)]) {
        assert.throws(() => codec.encode(value), isPortionError(codec, 'PORTION_INVALID'))
      }
      const polluting: unknown = JSON.parse(JSON.stringify(sample).replace('{', '{"__proto__":{"isAdmin":true},'))
      assert.throws(() => codec.encode(polluting), isPortionError(codec))
    })
  })
}

describe('the record of @reprise/tls, as version 1 of the portion tls', () => {
  const id = 'a1'.repeat(32)
  const der = `302d0201010202030404021301${`0420${id}`}`
  const record = Buffer.from(`01${'0304'}${'019b76daa800'}${'b2'.repeat(32)}${der}`, 'hex')

  it('has the bytes that it always had, and becomes a TLS session with its identifier', () => {
    const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
    const value = tlsSession.decode(record)
    assert.deepEqual([value.protocol, value.createdAtMs], ['TLSv1.3', 1_767_225_600_000])
    assert.deepEqual([hex(value.sessionId), hex(value.session), hex(value.binding)], [id, der, 'b2'.repeat(32)])
    assert.deepEqual(tlsSession.decode(tlsSession.encode(value)), value)
  })

  it('is a PortionError when it is cut short before its identifier ends, or has none', () => {
    for (let length = 0; length < record.length; length++) {
      assert.throws(() => tlsSession.decode(record.subarray(0, length)), isPortionError(tlsSession))
    }
    assert.throws(
      () => tlsSession.decode(Buffer.concat([record.subarray(0, 41), Buffer.from('3000', 'hex')])),
      PortionError,
    )
  })
})

describe('standard portions refuse, and say where and why', () => {
  const [line] = PURCHASE.items
  const item = (change: object): object => ({ ...PURCHASE, items: [line, line, { ...line, ...change }] })
  const header = (change: object): object => ({ ...TRANSPORT, header: { ...TRANSPORT.header, ...change } })
  const cases: readonly (readonly [PortionCodec<unknown>, object, path: string, expected: RegExp, got: string])[] = [
    [purchase, item({ quantity: 0 }), 'purchase.items[2].quantity', /whole number from 1 to/, '0'],
    [purchase, item({ quantity: 1.5 }), 'purchase.items[2].quantity', /whole number/, '1.5'],
    [purchase, item({ quantity: '2' }), 'purchase.items[2].quantity', /whole number/, 'text of 1 characters'],
    [purchase, item({ price: { amount: 0.1, currency: 'EUR' } }), 'purchase.items[2].price.amount', /whole/, '0.1'],
    [purchase, item({ price: { amount: 1, currency: 'eur' } }), 'purchase.items[2].price.currency', /ISO 4217/, ''],
    [purchase, item({ sku: '' }), 'purchase.items[2].sku', /1 to 128 characters/, 'text of 0 characters'],
    [purchase, item({ sku: '\ud800' }), 'purchase.items[2].sku', /text/, 'text of 1 characters'],
    [purchase, { items: Array(1_001).fill(line) }, 'purchase.items', /list of 0 to 1000/, 'a list of 1001'],
    [purchase, { items: new Array(1) }, 'purchase.items[0]', /an object/, 'nothing'],
    [purchase, { items: [], note: [new Date()] }, 'purchase.note[0]', /plain data/, 'a Date'],
    [purchase, { items: [], transaction: { id: 'x', state: 'paid' } }, 'purchase.transaction.state', /one of open/, ''],
    [purchase, { items: [], billingAddress: { name: 'x', lines: [] } }, 'purchase.billingAddress.lines', /1 to 5/, ''],
    [transport, { ...TRANSPORT, offset: 2 ** 53 }, 'transport.offset', /2\^53|9007199254740991/, '9007199254740992'],
    [transport, { ...TRANSPORT, offset: -1 }, 'transport.offset', /from 0/, '-1'],
    [transport, { ...TRANSPORT, acknowledged: 5_242_881 }, 'transport.acknowledged', /at most the offset/, '5242881'],
    [transport, { ...TRANSPORT, length: 5_242_879 }, 'transport.length', /at least the offset/, '5242879'],
    [transport, header({ sequence: 2 ** 32 }), 'transport.header.sequence', /to 4294967295/, '4294967296'],
    [transport, header({ source: { address: '1.2.3.4', port: 65_536 } }), 'transport.header.source.port', /65535/, ''],
    [transport, header({ source: { address: '1.2.3', port: 1 } }), 'transport.header.source.address', /IPv4/, ''],
    [transport, header({ source: { address: '::1', port: 1 } }), 'transport.header.destination', /same IP version/, ''],
    [auth, { ...AUTH, userId: 'u'.repeat(257) }, 'auth.userId', /256 characters/, 'text of 257 characters'],
    [auth, { ...AUTH, roles: ['a', 7] }, 'auth.roles[1]', /text/, '7'],
    [auth, { ...AUTH, claims: { 'a b': 1n } }, 'auth.claims["a b"]', /plain data/, 'a bigint'],
    [tlsSession, { ...TLS_SESSION, session: new Uint8Array(0) }, 'tls.session', /1 to 32768 bytes/, '0 bytes'],
    [tlsSession, { ...TLS_SESSION, protocol: 'SSLv3' }, 'tls.protocol', /TLSv1.2, TLSv1.3/, 'text of 5 characters'],
  ]
  for (const [codec, value, path, expected, got] of cases) {
    it(`${path}: ${got || expected.source}`, () => {
      assert.throws(
        () => codec.encode(value),
        (error) => {
          assert(error instanceof PortionError, String(error))
          assert.equal(error.code, 'PORTION_INVALID')
          assert.equal(error.path, path)
          assert.match(error.expected, expected)
          if (got !== '') assert.equal(error.got, got)
          assert.equal(error.message, `${error.path}: expected ${error.expected}, got ${error.got}`)
          return true
        },
      )
    })
  }

  it('without showing what is secret', () => {
    const secret = 'hunter2'.repeat(100)
    assert.throws(
      () => auth.encode({ ...AUTH, userId: secret }),
      (error) => error instanceof Error && !`${error.message}${error.stack}`.includes('hunter2'),
    )
  })
})

function isPortionError(codec: PortionCodec<unknown>, code?: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof PortionError && error.portion === codec.name && (code === undefined || error.code === code)
}
