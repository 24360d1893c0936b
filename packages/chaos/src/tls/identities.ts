/**
 * Certificates for a run, made when it begins and worth nothing after it: a server's, and one for each client, so that a TLS session carries
 * who it belongs to.
 */
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  type Extension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** In PEM. */
export interface Identity {
  readonly key: string
  readonly cert: string
}

export interface Identities {
  /** The certificate of who issued the others, in PEM. */
  readonly ca: string
  /** For `SERVER_NAME`. */
  readonly server: Identity
  /** Of each client, by its number. */
  readonly clients: readonly Identity[]
}

/** The name that all servers of a run have. */
export const SERVER_NAME = 'members.reprise.test'

/** The common name of a client's certificate. */
export function clientName(client: number): string {
  return `client-${client}`
}

/** @param clients how many. */
export async function makeIdentities(clients: number): Promise<Identities> {
  const keys = await makeKeys()
  const issue = async (
    subject: string,
    subjectKeys: webcrypto.CryptoKeyPair,
    extensions: Extension[],
  ): Promise<string> => {
    const nowMs = Date.now()
    const certificate = await X509CertificateGenerator.create(
      {
        // Positive and unique, as RFC 5280 asks.
        serialNumber: `01${randomBytes(15).toString('hex')}`,
        issuer: `CN=${AUTHORITY_NAME}`,
        subject: `CN=${subject}`,
        notBefore: new Date(nowMs - VALID_MS),
        notAfter: new Date(nowMs + VALID_MS),
        signingAlgorithm: ALGORITHM,
        publicKey: subjectKeys.publicKey,
        signingKey: keys.privateKey,
        extensions,
      },
      // Named, because libp2p in the same process sets another one as the library's own, which takes no other's keys.
      webcrypto,
    )
    return `${certificate.toString('pem')}\n`
  }
  const identify = async (name: string, extensions: Extension[]): Promise<Identity> => {
    const ownKeys = await makeKeys()
    const [cert, pkcs8] = await Promise.all([
      issue(name, ownKeys, extensions),
      webcrypto.subtle.exportKey('pkcs8', ownKeys.privateKey),
    ])
    return { key: `${PemConverter.encode(pkcs8, PemConverter.PrivateKeyTag)}\n`, cert }
  }
  return {
    ca: await issue(AUTHORITY_NAME, keys, [new BasicConstraintsExtension(true, undefined, true)]),
    server: await identify(SERVER_NAME, [new SubjectAlternativeNameExtension([{ type: 'dns', value: SERVER_NAME }])]),
    clients: await Promise.all(Array.from({ length: clients }, (_, client) => identify(clientName(client), []))),
  }
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

const AUTHORITY_NAME = 'reprise chaos'
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** Longer than any run, and clocks of members may be wrong. */
const VALID_MS = 30 * 24 * 60 * 60_000
