/** Apache httpd with mod_ssl, in the foreground, as `examples/apache` configures it. */
import { mkdirSync } from 'node:fs'
import type { Pair } from './certificates.ts'
import { exampleFile } from './example.ts'
import { freePort, listening, output, type Workshop } from './workshop.ts'

export interface ApacheOptions {
  readonly name: string
  /** As `SSLSessionCache` takes it. */
  readonly sessionCache: string
  readonly server: Pair
  /** Ask clients for certificates of this CA. */
  readonly clientCa?: string
}

/** Resolves when it takes connections. @returns its port. */
export async function startApache(workshop: Workshop, options: ApacheOptions): Promise<number> {
  const { name, sessionCache, server, clientCa } = options
  const port = await freePort()
  mkdirSync(workshop.path(name))
  const values = {
    FOLDER: workshop.path(name),
    PORT: port,
    SESSION_CACHE: sessionCache,
    CERTIFICATE: server.certificate,
    KEY: server.key,
  }
  workshop.write(`${name}/shop.conf`, exampleFile('apache/shop.conf', values))
  const verify = clientCa === undefined ? '' : `SSLVerifyClient require\nSSLCACertificateFile ${clientCa}\n`
  const config = workshop.write(`${name}/apache.conf`, exampleFile('apache/apache.conf', values) + SHMCB + verify)
  const apache = workshop.spawn('apache2', ['-f', config, '-DFOREGROUND'])
  await listening(port, apache, output(apache))
  return port
}

/** For an Apache that keeps its sessions to itself. */
const SHMCB = 'LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so\n'
