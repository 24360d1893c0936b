/**
 * Certificates for a run, made when it begins and worth nothing after it: a server's, and one for each client, so that a TLS session carries
 * who it belongs to. Node makes keys and signatures; the little DER around them (X.690, RFC 5280) is written here.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** In PEM. */
export interface Identity {
  readonly key: string
  readonly cert: string
}

/** The name that all servers of a run have. */
export const SERVER_NAME = 'members.reprise.test'

/** The common name of a client's certificate. */
export function clientName(client: number): string {
  return `client-${client}`
}

export class Authority {
  /** Its own certificate, in PEM. */
  readonly cert: string
  readonly #key: KeyObject

  constructor() {
    const { privateKey, publicKey } = newKeys()
    this.#key = privateKey
    const isAuthority = extension('551d13', sequence(BOOLEAN_TRUE), true)
    this.cert = certificate({ subject: AUTHORITY_NAME, publicKey, extensions: [isAuthority], signedWith: privateKey })
  }

  /** A server's certificate, for `SERVER_NAME`. */
  issueServer(): Identity {
    const dnsName = der(0x82, Buffer.from(SERVER_NAME))
    return this.#issue(SERVER_NAME, [extension('551d11', sequence(dnsName), false)])
  }

  /** @param name the subject's common name: ASCII. */
  issueClient(name: string): Identity {
    return this.#issue(name, [])
  }

  #issue(subject: string, extensions: readonly Buffer[]): Identity {
    const { privateKey, publicKey } = newKeys()
    return {
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      cert: certificate({ subject, publicKey, extensions, signedWith: this.#key }),
    }
  }
}

interface CertificateInit {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly extensions: readonly Buffer[]
  readonly signedWith: KeyObject
}

function certificate({ subject, publicKey, extensions, signedWith }: CertificateInit): string {
  const nowMs = Date.now()
  const signed = sequence(
    der(0xa0, der(INTEGER, Buffer.from([2]))),
    // Positive, and not to begin with a zero.
    der(INTEGER, Buffer.concat([Buffer.from([0x40]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    distinguishedName(AUTHORITY_NAME),
    sequence(utcTime(nowMs - VALID_MS), utcTime(nowMs + VALID_MS)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  )
  const signature = der(BIT_STRING, NO_UNUSED_BITS, sign('sha256', signed, signedWith))
  return pem(sequence(signed, ECDSA_WITH_SHA256, signature))
}

function newKeys(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(SET, sequence(objectId('550403'), der(UTF8_STRING, Buffer.from(commonName)))))
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  return sequence(objectId(id), ...(isCritical ? [BOOLEAN_TRUE] : []), der(OCTET_STRING, value))
}

/** YYMMDDhhmmssZ. */
function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/\D/g, '').slice(2, 14)
  return der(UTC_TIME, Buffer.from(`${digits}Z`))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(SEQUENCE, ...parts)
}

function objectId(hex: string): Buffer {
  return der(OBJECT_ID, Buffer.from(hex, 'hex'))
}

/** Tag, length, contents. A length above 127 is the number of its bytes, and its bytes. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), contents])
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length, ...bytes]), contents])
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

const [INTEGER, BIT_STRING, OCTET_STRING, OBJECT_ID] = [0x02, 0x03, 0x04, 0x06]
const [UTF8_STRING, UTC_TIME, SEQUENCE, SET] = [0x0c, 0x17, 0x30, 0x31]
const BOOLEAN_TRUE = Buffer.from([0x01, 0x01, 0xff])
const NO_UNUSED_BITS = Buffer.from([0])
const ECDSA_WITH_SHA256 = sequence(objectId('2a8648ce3d040302'))
const AUTHORITY_NAME = 'reprise chaos'
/** Longer than any run, and clocks of members may be wrong. */
const VALID_MS = 30 * 24 * 60 * 60_000
