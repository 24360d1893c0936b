import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { clientName, type Identities, makeIdentities, SERVER_NAME } from '../../src/tls/identities.ts'

describe('identities of a run', () => {
  let identities: Identities
  let authority: X509Certificate

  before(async () => {
    identities = await makeIdentities(3)
    authority = new X509Certificate(identities.ca)
  })

  it('are issued by one authority', () => {
    assert(authority.ca && authority.checkIssued(authority) && authority.verify(authority.publicKey))
  })

  it('are of a server, for its name and its key, valid now', () => {
    const { key, cert } = identities.server
    const server = new X509Certificate(cert)
    assert(server.checkIssued(authority) && server.verify(authority.publicKey))
    assert.equal(server.checkHost(SERVER_NAME), SERVER_NAME)
    assert.equal(server.checkHost('elsewhere.test'), undefined)
    assert(server.checkPrivateKey(createPrivateKey(key)))
    assert(server.validFromDate.getTime() < Date.now() && Date.now() < server.validToDate.getTime())
  })

  it('are of each client, with its name, and none alike', () => {
    const certs = identities.clients.map(({ cert }) => new X509Certificate(cert))
    assert.deepEqual(
      certs.map(({ subject }) => subject),
      [0, 1, 2].map((client) => `CN=${clientName(client)}`),
    )
    assert.equal(new Set(certs.map(({ serialNumber }) => serialNumber)).size, 3)
    for (const cert of certs) assert(!cert.ca && cert.verify(authority.publicKey))
  })
})
