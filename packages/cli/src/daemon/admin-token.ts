/**
 * The admin token of a node: the one that was given; else one that is made once and kept in the data directory, where `reprise
 * session --admin-token-file DIR/admin-token` finds it; else none, and then nobody looks at sessions over HTTP.
 */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { readAdminToken, readSecretFile } from '../config/secrets.ts'
import { newToken } from '../state/cluster-state.ts'

export interface AdminToken {
  readonly token: string
  /** Where it is kept, if this node made it. */
  readonly file: string | undefined
}

/** @throws CommandError when a file with a token cannot be used. */
export async function findAdminToken(config: Config): Promise<AdminToken | undefined> {
  const given = await readAdminToken(config)
  if (given !== undefined) return { token: given, file: undefined }
  const dataDir = config.get('dataDir')
  if (dataDir === undefined) return undefined
  const file = join(dataDir, 'admin-token')
  if (!existsSync(file)) {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await writeFile(file, `${newToken()}\n`, { mode: 0o600, flag: 'wx', flush: true })
  }
  return { token: await readSecretFile(file), file }
}
