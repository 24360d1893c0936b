/** Values of the standard portions: one of each that is full, and arbitraries of all. */
import type { Auth, Purchase, TlsSession, Transport } from '@reprise/node'
import fc from 'fast-check'

export const AUTH: Auth = {
  userId: 'ada',
  method: 'webauthn',
  authenticatedAtMs: 1_767_225_600_000,
  expiresAtMs: 1_767_229_200_000,
  roles: ['buyer', 'admin'],
  claims: { email: 'ada@example.org', groups: [1, 2] },
}

export const TLS_SESSION: TlsSession = {
  sessionId: new Uint8Array(32).fill(0xa1),
  session: new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01]),
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  serverName: 'shop.example',
  applicationProtocol: 'h2',
  createdAtMs: 1_767_225_600_000,
  binding: new Uint8Array(32).fill(0xb2),
}

export const TRANSPORT: Transport = {
  offset: 5_242_880,
  acknowledged: 5_177_344,
  window: 65_536,
  length: 8_388_608,
  content: '"reprise-upload-1"',
  header: {
    source: { address: '192.0.2.7', port: 443 },
    destination: { address: '198.51.100.23', port: 50_112 },
    sequence: 4_294_967_290,
    acknowledgement: 17,
  },
}

export const PURCHASE: Purchase = {
  items: [
    { sku: 'tea-250', name: 'Assam, 250 g', quantity: 2, price: { amount: 450, currency: 'EUR' } },
    { sku: 'pot', quantity: 1, price: { amount: 2_900, currency: 'EUR' } },
  ],
  transaction: {
    id: 'order-17',
    state: 'authorized',
    total: { amount: 3_800, currency: 'EUR' },
    provider: 'bank',
    reference: 'pay_1x',
    updatedAtMs: 1_767_225_600_000,
  },
  billingAddress: {
    name: 'Ada Lovelace',
    lines: ["12 St James's Square"],
    city: 'London',
    postalCode: 'SW1Y 4JH',
    region: 'Greater London',
    country: 'GB',
    email: 'ada@example.org',
    taxId: 'GB123456789',
  },
}

const text = (maxLength = 64): fc.Arbitrary<string> =>
  fc.string({ minLength: 1, maxLength, unit: 'grapheme' }).filter(({ length }) => length <= maxLength)
const instant = fc.nat(8_640_000_000_000_000)
const sequence = fc.integer({ min: 0, max: 0xffff_ffff })
const record = <T, K extends keyof T>(fields: { [P in keyof T]: fc.Arbitrary<T[P]> }, requiredKeys: K[]) =>
  fc.record<T, K>(fields, { requiredKeys, noNullPrototype: true })
const money = record(
  {
    amount: fc.maxSafeInteger(),
    currency: fc.string({ unit: fc.constantFrom(...'ABCXYZ'), minLength: 3, maxLength: 3 }),
  },
  ['amount', 'currency'],
)

export const AUTHS: fc.Arbitrary<Auth> = record(
  {
    userId: text(),
    method: text(),
    authenticatedAtMs: instant,
    expiresAtMs: instant,
    roles: fc.array(text()),
    claims: fc.dictionary(
      text().filter((name) => name !== '__proto__'),
      fc.oneof(text(), fc.integer(), fc.boolean()),
      { noNullPrototype: true },
    ),
  },
  ['userId', 'method', 'authenticatedAtMs'],
)

export const TLS_SESSIONS: fc.Arbitrary<TlsSession> = record(
  {
    sessionId: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    session: fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
    protocol: fc.constantFrom('TLSv1.2' as const, 'TLSv1.3' as const),
    cipher: text(),
    serverName: text(),
    createdAtMs: instant,
    binding: fc.uint8Array({ maxLength: 64 }),
  },
  ['sessionId', 'session', 'protocol'],
)

const endpoints = fc.oneof(fc.ipV4(), fc.constant(undefined)).chain((v4) => {
  const address = v4 === undefined ? fc.ipV6() : fc.ipV4()
  const endpoint = fc.record({ address, port: fc.nat(0xffff) }, { noNullPrototype: true })
  return fc.record(
    { source: endpoint, destination: endpoint, sequence, acknowledgement: sequence },
    { noNullPrototype: true },
  )
})

export const TRANSPORTS: fc.Arbitrary<Transport> = fc
  .tuple(fc.array(fc.maxSafeNat(), { minLength: 3, maxLength: 3 }), fc.nat(2 ** 30 - 2 ** 14), endpoints, fc.boolean())
  .map(([marks, window, header, isWhole]) => {
    const [acknowledged = 0, offset = 0, length = 0] = marks.toSorted((a, b) => a - b)
    return { acknowledged, offset, window, ...(isWhole && { length, header }) }
  })

export const PURCHASES: fc.Arbitrary<Purchase> = record(
  {
    items: fc.array(
      record(
        {
          sku: text(),
          name: text(),
          quantity: fc.integer({ min: 1, max: 1_000_000 }),
          price: money,
        },
        ['sku', 'quantity', 'price'],
      ),
      { maxLength: 20 },
    ),
    transaction: record(
      { id: text(), state: fc.constantFrom('open' as const, 'captured' as const), total: money, reference: text() },
      ['id', 'state', 'total'],
    ),
    billingAddress: record(
      {
        name: text(),
        lines: fc.array(text(), { minLength: 1, maxLength: 5 }),
        city: text(),
        country: fc.constant('NZ'),
      },
      ['name', 'lines', 'city', 'country'],
    ),
  },
  ['items'],
)
