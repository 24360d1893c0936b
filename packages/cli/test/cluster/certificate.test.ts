import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createCertificate } from '../../src/cluster/certificate.ts'

describe('createCertificate', () => {
  it('makes a certificate for this machine that its key belongs to', async () => {
    const { certificatePem, privateKeyPem } = await createCertificate()
    const certificate = new X509Certificate(certificatePem)
    assert.ok(certificate.checkPrivateKey(createPrivateKey(privateKeyPem)))
    assert.ok(certificate.verify(certificate.publicKey), 'signed by itself')
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.modulusLength, 2_048)
    assert.ok(certificate.checkHost('localhost'))
    assert.ok(certificate.checkIP('127.0.0.1'))
    assert.ok(certificate.checkIP('::1'))
    assert.equal(certificate.ca, false)
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'for servers only')
    assert.ok(certificate.validFromDate.getTime() < Date.now())
    assert.ok(certificate.validToDate.getTime() > Date.now() + 24 * 3_600_000)
  })
})
