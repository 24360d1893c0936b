import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  bindingOf,
  clusterId,
  decodeStored,
  digestOfClients,
  digestOfContext,
  encodeStored,
  factsOfSession,
} from '../src/stored-session.ts'

/** DER: an element with a short or a long length. */
function element(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const integer = (...bytes: number[]): Buffer => element(2, Buffer.from(bytes))
const head = [integer(1), integer(3, 4), element(4, Buffer.from([0x13, 2])), element(4, Buffer.alloc(32, 9))]

describe('a stored session', () => {
  const stored = {
    version: 0x0304,
    bornMs: 0x010203040506,
    binding: Buffer.alloc(32, 0xbb),
    der: Buffer.from('30820000', 'hex'),
  }

  it('has the bytes it always had', () => {
    assert.equal(encodeStored(stored).toString('hex'), `010304010203040506${'bb'.repeat(32)}30820000`)
    assert.deepEqual(decodeStored(encodeStored(stored)), stored)
  })

  it('is read from nothing else (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const decoded = decodeStored(bytes)
        if (decoded !== undefined) assert.deepEqual(encodeStored(decoded), Buffer.from(bytes))
      }),
    )
    for (const value of [undefined, null, 'text', {}, encodeStored({ ...stored, der: Buffer.alloc(0) })]) {
      assert.equal(decodeStored(value), undefined)
    }
  })

  it('is a copy of the value it was read from', () => {
    const value = encodeStored(stored)
    const decoded = decodeStored(value)
    value.fill(0)
    assert.deepEqual(decoded, stored)
  })
})

describe('the facts of a serialized session', () => {
  const peer = element(0xa3, element(0x30, Buffer.alloc(700)))

  for (const [what, parts, clientProven] of [
    ['without a client', [], false],
    ['with a client', [peer], true],
    ['with a client whose certificate was not accepted', [peer, element(0xa5, integer(21))], false],
    ['with a client and success written out', [peer, element(0xa5, integer(0))], true],
    ['with success but no client', [element(0xa5, integer(0))], false],
  ] as const) {
    it(`are read ${what}`, () => {
      assert.deepEqual(factsOfSession(element(0x30, ...head, ...parts)), { version: 0x0304, clientProven })
    })
  }

  it('are not read from anything else, and it never throws (property)', () => {
    const der = element(0x30, ...head, peer)
    for (let length = 0; length < der.length; length++) assert.equal(factsOfSession(der.subarray(0, length)), undefined)
    assert.equal(factsOfSession(element(0x31, ...head)), undefined)
    assert.equal(factsOfSession(element(0x30, integer(1))), undefined)
    assert.equal(factsOfSession(Buffer.from([0x30, 0x80, 0, 0])), undefined)
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), fc.uint8Array({ maxLength: 20 }), (at, value, tail) => {
        const changed = Buffer.concat([der, tail])
        changed[at] = value
        factsOfSession(changed)
        factsOfSession(tail)
      }),
    )
  })
})

describe('what a session is bound to', () => {
  const open = { requestCert: false, rejectUnauthorized: true, ca: undefined, crl: undefined, opaque: false }
  const asked = { ...open, requestCert: true }
  const pem = 'one certificate'

  it('differs in context, clients and server name, each by itself', () => {
    const contexts = ['a', 'b'].map(digestOfContext)
    const clients = [
      digestOfClients(open, undefined),
      digestOfClients(asked, undefined),
      digestOfClients({ ...asked, rejectUnauthorized: false }, undefined),
      digestOfClients({ ...asked, ca: pem }, undefined),
      digestOfClients({ ...asked, ca: [pem, pem] }, undefined),
      digestOfClients({ ...asked, crl: pem }, undefined),
      digestOfClients({ ...asked, ca: pem, crl: pem }, undefined),
      digestOfClients(asked, ['version 1']),
    ]
    const bindings = contexts.flatMap((context) =>
      clients.flatMap((digest) =>
        [undefined, '', 'a.test', 'b.test'].map((name) => bindingOf(context, digest, name).toString('hex')),
      ),
    )
    assert.equal(new Set(bindings).size, 2 * clients.length * 4)
  })

  it('is the same for text and bytes, one certificate and a list of one; and without requestCert whatever else', () => {
    const same = [pem, Buffer.from(pem), [pem], [Buffer.from(pem)]].map((ca) =>
      digestOfClients({ ...asked, ca }, undefined),
    )
    assert.equal(new Set(same.map(String)).size, 1)
    assert.deepEqual(digestOfClients({ ...asked, ca: 'other' }, [pem]), same[0])
    assert.deepEqual(digestOfClients({ ...open, ca: pem }, undefined), digestOfClients(open, ['x']))
  })

  it('gives services ids of their own in the cluster', () => {
    const id = Buffer.alloc(32, 1)
    assert.notDeepEqual(clusterId(digestOfContext('a'), id), clusterId(digestOfContext('b'), id))
    assert.equal(clusterId(digestOfContext('a'), id).length, 52)
    assert.equal(Buffer.from(clusterId(digestOfContext('a'), id).subarray(0, 4)).toString(), 'tls:')
  })
})
