import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  type ClientHello,
  ClientHelloReader,
  type ClientHelloVerdict,
  negotiatedVersion,
  TlsVersion,
} from '../src/client-hello.ts'
import { CLIENT_HELLO_BYTES_MAX, CLIENT_HELLO_RECORDS_MAX, PSK_IDENTITIES_MAX } from '../src/constants.ts'
import { everyBytes, firstFlight, inRecords, messageOf, piecesOf } from './support/first-flight.ts'
import { only } from './support/servers.ts'

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])
const vector16 = (bytes: Uint8Array): Buffer => Buffer.concat([uint16(bytes.length), bytes])

/** A ClientHello of one's own making: the handshake message. */
function craft(
  parts: {
    readonly legacyVersion?: number
    readonly sessionId?: Uint8Array
    readonly extensions?: readonly (readonly [type: number, data: Uint8Array])[]
  } = {},
): Buffer {
  const { legacyVersion = TlsVersion.tls12, sessionId = Buffer.alloc(0), extensions = [] } = parts
  const body = Buffer.concat([
    uint16(legacyVersion),
    Buffer.alloc(32, 7),
    Buffer.from([sessionId.length]),
    sessionId,
    Buffer.from([0, 2, 0x13, 1, 1, 0]),
    vector16(Buffer.concat(extensions.flatMap(([type, data]) => [uint16(type), vector16(data)]))),
  ])
  return Buffer.concat([Buffer.from([1, body.length >> 16, (body.length >> 8) & 0xff, body.length & 0xff]), body])
}

/** The pre-shared key extension with these identities. */
function psk(...identities: Uint8Array[]): readonly [number, Uint8Array] {
  const list = Buffer.concat(identities.flatMap((identity) => [vector16(identity), Buffer.alloc(4)]))
  return [41, Buffer.concat([vector16(list), vector16(Buffer.alloc(33, 32))])]
}

interface Read {
  readonly verdict: ClientHelloVerdict
  /** Its arrays as buffers, so that they compare. */
  readonly hello: ClientHello | undefined
  readonly bytes: Uint8Array
}

function read(...chunks: Uint8Array[]): Read {
  const reader = new ClientHelloReader()
  let verdict: ClientHelloVerdict = 'more'
  for (const chunk of chunks) verdict = reader.push(chunk)
  return { verdict, hello: comparable(reader.hello), bytes: reader.bytes }
}

function comparable(hello: ClientHello | undefined): ClientHello | undefined {
  if (hello === undefined) return undefined
  const pskIdentities = hello.pskIdentities.map((identity) => Buffer.from(identity))
  return { ...hello, legacySessionId: Buffer.from(hello.legacySessionId), pskIdentities }
}

describe('ClientHelloReader', () => {
  it('reads what Node sends: TLS 1.2 and 1.3', async () => {
    const tls12 = read(await firstFlight(only('TLSv1.2')))
    assert.equal(tls12.verdict, 'complete')
    assert.deepEqual(
      { ...tls12.hello, legacySessionId: tls12.hello?.legacySessionId.length },
      {
        legacyVersion: 0x0303,
        versions: [],
        legacySessionId: 0,
        serverName: 'service.test',
        hasTicket: false,
        pskIdentities: [],
        fragmented: false,
      },
    )
    const both = read(await firstFlight({ servername: 'Other.Test' }))
    assert.deepEqual(both.hello?.versions, [0x0304, 0x0303])
    assert.equal(both.hello?.legacySessionId.length, 32)
    assert.equal(both.hello?.serverName, 'other.test')
  })

  it('wants more at every byte but the last, wherever it is cut, and keeps every byte', async () => {
    const flight = await firstFlight()
    const whole = read(flight)
    for (let cut = 1; cut < flight.length; cut++) {
      const reader = new ClientHelloReader()
      assert.equal(reader.push(flight.subarray(0, cut)), 'more', `after ${cut} bytes`)
      assert.equal(reader.push(flight.subarray(cut)), 'complete', `cut at ${cut}`)
      assert.deepEqual(comparable(reader.hello), whole.hello)
      assert.deepEqual(Buffer.from(reader.bytes), flight)
    }
    assert.deepEqual(read(...piecesOf(flight, everyBytes(flight.length, 1))).hello, whole.hello)
  })

  it('reads a message in two records that meet at any byte, and one of a record for each byte', async () => {
    const message = messageOf(await firstFlight({ ...only('TLSv1.3'), ecdhCurve: 'X25519' }))
    const whole = read(inRecords(message)).hello
    for (let cut = 1; cut < message.length; cut++) {
      const { verdict, hello } = read(inRecords(message, [cut]))
      assert.equal(verdict, 'complete', `records meet at ${cut}`)
      assert.deepEqual(hello, { ...whole, fragmented: true })
    }
    const crumbs = inRecords(message, everyBytes(message.length, 1))
    assert.deepEqual(read(crumbs).hello, { ...whole, fragmented: true })
    assert.deepEqual(read(...piecesOf(crumbs, everyBytes(crumbs.length, 1))).hello, { ...whole, fragmented: true })
  })

  it('keeps what follows the ClientHello', () => {
    const wire = inRecords(craft())
    const { verdict, bytes } = read(Buffer.concat([wire, Buffer.from('early')]))
    assert.equal(verdict, 'complete')
    assert.equal(Buffer.from(bytes).subarray(wire.length).toString(), 'early')
  })

  it('lists the identities of pre-shared keys in order, up to a limit', () => {
    const identities = [Buffer.alloc(200, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)]
    const several = read(inRecords(craft({ extensions: [psk(...identities)] })))
    assert.deepEqual(several.hello?.pskIdentities, identities)
    const many = Array.from({ length: PSK_IDENTITIES_MAX + 5 }, (_, index) => Buffer.alloc(32, index))
    assert.equal(read(inRecords(craft({ extensions: [psk(...many)] }))).hello?.pskIdentities.length, PSK_IDENTITIES_MAX)
  })

  it('takes no identity from a list whose lengths do not fit', () => {
    const [type, data] = psk(Buffer.alloc(32, 1), Buffer.alloc(32, 2))
    const broken = Buffer.from(data)
    broken.writeUInt16BE(60_000, 2)
    const { verdict, hello } = read(inRecords(craft({ extensions: [[type, broken]] })))
    assert.equal(verdict, 'complete')
    assert.deepEqual(hello?.pskIdentities, [])
  })

  it('tells a ticket from an empty ticket extension', () => {
    assert.equal(read(inRecords(craft({ extensions: [[35, Buffer.alloc(0)]] }))).hello?.hasTicket, false)
    assert.equal(read(inRecords(craft({ extensions: [[35, Buffer.alloc(1)]] }))).hello?.hasTicket, true)
  })

  it('reads a ClientHello of 64 KiB, and calls a longer one oversize as soon as its length is known', () => {
    const long = inRecords(craft({ extensions: [[21, Buffer.alloc(65_000)]] }))
    assert.equal(read(...piecesOf(long, everyBytes(long.length, 1_000))).verdict, 'complete')
    const announced = Buffer.concat([Buffer.from([1, 1, 3, 0]), Buffer.alloc(100)])
    assert.ok(0x010300 > CLIENT_HELLO_BYTES_MAX)
    assert.equal(read(inRecords(announced)).verdict, 'oversize')
  })

  it('bounds the records, and what it holds', () => {
    const message = craft({ extensions: [[21, Buffer.alloc(4_200)]] })
    assert.equal(read(inRecords(message, everyBytes(message.length, 4))).verdict, 'oversize')
    assert.ok(message.length / 4 > CLIENT_HELLO_RECORDS_MAX)
    assert.equal(read(inRecords(message, everyBytes(message.length, 5))).verdict, 'complete')
  })

  for (const [what, bytes] of [
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['an SSLv2 hello', Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ['another version', Buffer.from([22, 2])],
    ['an alert', Buffer.from([21, 3, 1, 0, 2, 1, 0])],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['a record over 16 KiB', Buffer.from([22, 3, 1, 0x40, 1])],
    ['another handshake message', Buffer.from([22, 3, 1, 0, 4, 2])],
    ['a session id of 33 bytes', inRecords(craft({ sessionId: Buffer.alloc(33) }))],
    ['a body of nothing', inRecords(Buffer.from([1, 0, 0, 0]))],
    ['something else in the second record', Buffer.concat([Buffer.from([22, 3, 1, 0, 1, 1]), Buffer.from([23])])],
  ] as const) {
    it(`calls ${what} garbage`, () => {
      assert.equal(read(bytes).verdict, 'garbage')
    })
  }

  it('says the same of any bytes however they are cut, and never throws (property)', () => {
    const bytesLike = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      // A ClientHello with some bytes changed and the end cut off.
      fc
        .tuple(
          fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }),
          fc.nat(400),
          fc.array(fc.nat(200), { maxLength: 3 }),
        )
        .map(([changes, length, ends]) => {
          const sessionId = Buffer.alloc(32, 9)
          const name = Buffer.from('000c0000097365727665722e61', 'hex')
          const extensions = [[0, name], [43, Buffer.from([4, 3, 4, 3, 3])], psk(sessionId, sessionId)] as const
          const message = craft({ sessionId, extensions })
          const records = inRecords(
            message,
            [...new Set(ends.map((end) => 1 + end))].sort((a, b) => a - b),
          )
          for (const [at, value] of changes) if (at < records.length) records[at] = value
          return records.subarray(0, length)
        }),
    )
    fc.assert(
      fc.property(bytesLike, fc.array(fc.nat(400), { maxLength: 5 }), (bytes, cuts) => {
        const ends = [...new Set(cuts.filter((cut) => cut > 0 && cut < bytes.length))].sort((a, b) => a - b)
        const whole = read(bytes)
        const cut = read(...piecesOf(Buffer.from(bytes), ends))
        assert.equal(cut.verdict, whole.verdict)
        assert.deepEqual(cut.hello, whole.hello)
        assert.deepEqual(Buffer.from(cut.bytes), Buffer.from(bytes))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('negotiatedVersion', () => {
  const all = { minVersion: TlsVersion.tls10, maxVersion: TlsVersion.tls13 }
  const hello = (legacyVersion: number, versions: readonly number[]): ClientHello => ({
    legacyVersion,
    versions,
    legacySessionId: new Uint8Array(0),
    serverName: undefined,
    hasTicket: false,
    pskIdentities: [],
    fragmented: false,
  })

  it('is the highest of both, by the extension if there is one', () => {
    assert.equal(negotiatedVersion(hello(0x0303, [0x0a0a, 0x0304, 0x0303]), all), 0x0304)
    assert.equal(negotiatedVersion(hello(0x0303, [0x0304, 0x0303]), { ...all, maxVersion: 0x0303 }), 0x0303)
    assert.equal(negotiatedVersion(hello(0x0303, [0x0303]), all), 0x0303)
    assert.equal(negotiatedVersion(hello(0x0302, []), all), 0x0302)
    assert.equal(negotiatedVersion(hello(0x0304, []), all), 0x0303)
  })

  it('is undefined when they have none in common', () => {
    assert.equal(negotiatedVersion(hello(0x0303, []), { ...all, minVersion: 0x0304 }), undefined)
    assert.equal(negotiatedVersion(hello(0x0300, []), all), undefined)
    assert.equal(negotiatedVersion(hello(0x0303, [0x0a0a]), all), undefined)
  })
})
