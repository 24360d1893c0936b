/**
 * Certificates for tests, valid for a hundred years: servers `service.test` and `other.test` with an RSA-2048 and a
 * P-256 key, two client authorities and a client of each. The keys protect nothing.
 */

import { readFileSync } from 'node:fs'

const read = (name: string): Buffer => readFileSync(new URL(`../certs/${name}.pem`, import.meta.url))
const pair = (name: string): { key: Buffer; cert: Buffer } => ({ key: read(`${name}.key`), cert: read(`${name}.cert`) })

export const RSA: { key: Buffer; cert: Buffer } = pair('server-rsa')
export const P256: { key: Buffer; cert: Buffer } = pair('server-ec')
export const CLIENT_CA_A: Buffer = read('client-ca-a.cert')
export const CLIENT_CA_B: Buffer = read('client-ca-b.cert')
export const CLIENT_A: { key: Buffer; cert: Buffer } = pair('client-a')
export const CLIENT_B: { key: Buffer; cert: Buffer } = pair('client-b')
