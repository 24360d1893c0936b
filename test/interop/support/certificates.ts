/** Keys and certificates, made by openssl: a CA, what servers show (RSA, ECDSA), and what a client shows. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Workshop } from './workshop.ts'

export const SERVER_NAME = 'shop.test'

export interface Pair {
  readonly key: string
  readonly certificate: string
}

export interface Certificates {
  /** Files. */
  readonly ca: string
  readonly rsa: Pair
  readonly ecdsa: Pair
  /** Of a client, as PEM text. */
  readonly client: { readonly key: string; readonly cert: string }
  readonly caText: string
}

export function makeCertificates(workshop: Workshop): Certificates {
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: workshop.directory, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '30',
    '-subj',
    '/CN=ca',
  )
  const extensions = workshop.write('server.ext', `subjectAltName=DNS:${SERVER_NAME}\n`)
  const make = (name: string, subject: string, key: readonly string[], more: readonly string[]): Pair => {
    openssl('req', '-newkey', ...key, '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject)
    const ca = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30']
    openssl('x509', '-req', '-in', `${name}.csr`, ...ca, '-out', `${name}.pem`, ...more)
    return { key: workshop.path(`${name}.key`), certificate: workshop.path(`${name}.pem`) }
  }
  const server = ['-extfile', extensions]
  const rsa = make('rsa', `/CN=${SERVER_NAME}`, ['rsa:2048'], server)
  const ecdsa = make('ecdsa', `/CN=${SERVER_NAME}`, ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], server)
  const client = make('client', '/CN=a client', ['rsa:2048'], [])
  return {
    ca: workshop.path('ca.pem'),
    rsa,
    ecdsa,
    client: { key: readFileSync(client.key, 'utf8'), cert: readFileSync(client.certificate, 'utf8') },
    caText: readFileSync(workshop.path('ca.pem'), 'utf8'),
  }
}
