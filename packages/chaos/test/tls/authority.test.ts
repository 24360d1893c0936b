import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { Authority, clientName, SERVER_NAME } from '../../src/tls/authority.ts'

describe('an authority', () => {
  const authority = new Authority()
  const own = new X509Certificate(authority.cert)

  it('has a certificate of its own making', () => {
    assert(own.ca && own.checkIssued(own) && own.verify(own.publicKey))
  })

  it("makes a server's certificate, for its name and its key, which is valid now", () => {
    const { key, cert } = authority.issueServer()
    const server = new X509Certificate(cert)
    assert(server.checkIssued(own) && server.verify(own.publicKey))
    assert.equal(server.checkHost(SERVER_NAME), SERVER_NAME)
    assert.equal(server.checkHost('elsewhere.test'), undefined)
    assert(server.checkPrivateKey(createPrivateKey(key)))
    assert(server.validFromDate.getTime() < Date.now() && Date.now() < server.validToDate.getTime())
  })

  it('makes one for each client, with its name, and none alike', () => {
    const certs = [0, 1, 2].map((client) => new X509Certificate(authority.issueClient(clientName(client)).cert))
    assert.deepEqual(
      certs.map(({ subject }) => subject),
      ['CN=client-0', 'CN=client-1', 'CN=client-2'],
    )
    assert.equal(new Set(certs.map(({ serialNumber }) => serialNumber)).size, 3)
    for (const cert of certs) assert(!cert.ca && cert.verify(own.publicKey))
  })

  it('writes lengths of every size', () => {
    for (const length of [1, 50, 60, 64]) {
      const name = 'n'.repeat(length)
      assert.equal(new X509Certificate(authority.issueClient(name).cert).subject, `CN=${name}`)
    }
  })
})
