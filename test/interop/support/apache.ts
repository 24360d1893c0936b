/** Apache httpd with mod_ssl, in the foreground, as docs/apache.md has it. */
import type { Pair } from './certificates.ts'
import { SERVER_NAME } from './certificates.ts'
import { freePort, listening, output, type Workshop } from './workshop.ts'

export interface ApacheOptions {
  readonly name: string
  /** As `SSLSessionCache` takes it. */
  readonly sessionCache: string
  readonly server: Pair
  /** Ask clients for certificates of this CA. */
  readonly clientCa?: string
}

const MODULES = '/usr/lib/apache2/modules'
const NEEDED = ['mpm_event', 'authz_core', 'ssl', 'socache_memcache', 'socache_redis', 'socache_shmcb']

/** Resolves when it takes connections. @returns its port. */
export async function startApache(workshop: Workshop, options: ApacheOptions): Promise<number> {
  const { name, sessionCache, server, clientCa } = options
  const port = await freePort()
  const directory = workshop.path(name)
  const loads = NEEDED.map((module) => `LoadModule ${module}_module ${MODULES}/mod_${module}.so`)
  const verify = clientCa === undefined ? '' : `SSLVerifyClient require\nSSLCACertificateFile ${clientCa}\n`
  const config = workshop.write(
    `${name}.conf`,
    `${loads.join('\n')}
ServerRoot ${workshop.directory}
PidFile ${directory}.pid
ErrorLog ${directory}.log
Mutex file:${workshop.directory}
User daemon
Group daemon
ServerName ${SERVER_NAME}:443
Listen 127.0.0.1:${port}
SSLSessionCache "${sessionCache}"
SSLSessionCacheTimeout 300
<VirtualHost *:${port}>
  ServerName ${SERVER_NAME}:443
  SSLEngine on
  SSLSessionTickets off
  SSLCertificateFile ${server.certificate}
  SSLCertificateKeyFile ${server.key}
  ${verify}
</VirtualHost>
`,
  )
  const apache = workshop.spawn('apache2', ['-f', config, '-DFOREGROUND'])
  await listening(port, apache, output(apache))
  return port
}
