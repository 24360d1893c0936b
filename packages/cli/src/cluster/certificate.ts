/**
 * A certificate for `localhost`, made in this process: nothing to install, nothing left behind.
 *
 * All members of a local cluster share it, as the servers behind one name do; a TLS session is bound to it.
 */
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { CERTIFICATE_DAYS, RSA_BITS } from './constants.ts'
import type { Certificate } from './messages.ts'

const DAY_MS = 24 * 3_600_000
/** Clocks of clients may be a little behind. */
const BACKDATE_MS = 3_600_000

/** Make a key and a self-signed certificate for `localhost`, `127.0.0.1` and `::1`. */
export async function createCertificate(): Promise<Certificate> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: RSA_BITS,
  }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const nowMs = Date.now()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // Positive and unique, as RFC 5280 asks.
      serialNumber: `01${randomBytes(15).toString('hex')}`,
      name: 'CN=localhost, O=reprise demo',
      notBefore: new Date(nowMs - BACKDATE_MS),
      notAfter: new Date(nowMs + CERTIFICATE_DAYS * DAY_MS),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([
          { type: 'dns', value: 'localhost' },
          { type: 'ip', value: '127.0.0.1' },
          { type: 'ip', value: '::1' },
        ]),
      ],
    },
    // Named, because libp2p in the same process sets another one as the library's own, which takes no other's keys.
    webcrypto,
  )
  const privateKey = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: `${PemConverter.encode(privateKey, PemConverter.PrivateKeyTag)}\n`,
  }
}
