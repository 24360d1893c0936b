/**
 * A member's admin server: that of its node, with what a member has besides.
 *
 * ```
 *  GET /status        also its TLS handshakes and resumption
 *  GET /certificate   the certificate of the HTTPS server, for `curl --cacert`
 * ```
 */
import { type Admin, type AdminNode, type AdminOptions, type Page, startAdmin } from '@reprise/admin'
import type { Certificate } from '../cluster/messages.ts'
import type { Terminator } from './terminator.ts'

export interface MemberAdminOptions {
  readonly name: string
  readonly node: AdminNode
  readonly terminator: Pick<Terminator, 'handshakes' | 'resumption'>
  readonly certificate: Certificate
  /** The port to try, or 0. When it is taken it is any other. */
  readonly port: number
  /** What it asks for before it shows a session. */
  readonly adminToken: string
  readonly gateways: NonNullable<AdminOptions['gateways']>
  readonly page: Page
}

export async function startMemberAdmin(options: MemberAdminOptions): Promise<Admin> {
  const { name, node, terminator, certificate, port, adminToken: token, gateways, page } = options
  const extension = {
    status: () => ({ handshakes: terminator.handshakes(), resumption: terminator.resumption.stats() }),
    files: { '/certificate': { type: 'application/x-pem-file', body: certificate.certificatePem } },
  }
  try {
    return await startAdmin({ name, node, token, gateways, extension, page, port })
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (!isTaken || port === 0) throw error
    return await startAdmin({ name, node, token, gateways, extension, page })
  }
}
