/**
 * Secrets: from the environment, or from a file that only its owner, and at most its group, may read. Never from a command
 * line, which everybody on the machine can see.
 */
import { readFile, stat } from 'node:fs/promises'
import { CommandError, ExitCode } from '../failure.ts'
import type { Config } from './config.ts'
import { variableOf } from './options.ts'

/** Others may read it, or somebody else may replace it. Kubernetes mounts secrets for a group to read, so that is let pass. */
const TOO_OPEN = 0o026

/** The cluster secret, if there is one. @throws CommandError as `readSecretFile`. */
export function readSecret(config: Config): Promise<string | undefined> {
  return readOne(config, 'secret', 'secretFile')
}

/** The admin token, if one was given. @throws CommandError as `readSecretFile`. */
export function readAdminToken(config: Config): Promise<string | undefined> {
  return readOne(config, 'adminToken', 'adminTokenFile')
}

/** The password of gateways, if there is one. @throws CommandError as `readSecretFile`. */
export function readGatewayPassword(config: Config): Promise<string | undefined> {
  return readOne(config, 'gateways.password', 'gateways.passwordFile')
}

async function readOne(
  config: Config,
  value: 'secret' | 'adminToken' | 'gateways.password',
  file: 'secretFile' | 'adminTokenFile' | 'gateways.passwordFile',
): Promise<string | undefined> {
  const path = config.setting(file)
  const direct = config.setting(value)
  if (path.value === undefined) return direct.value
  // Of both, the one from the stronger source counts; a file that was named by a flag is stronger than a variable.
  if (direct.value !== undefined && path.origin !== 'flag') {
    if (path.origin === 'config file') return direct.value
    throw new CommandError({
      what: `${variableOf(value)} and ${variableOf(file)} are both set`,
      next: 'unset one of them',
      exitCode: ExitCode.usage,
    })
  }
  return await readSecretFile(path.value)
}

/** @throws CommandError (exit code 2) when it cannot be read, holds nothing, or may be read by others. */
export async function readSecretFile(path: string): Promise<string> {
  try {
    const { mode } = await stat(path)
    if (process.platform !== 'win32' && (mode & TOO_OPEN) !== 0) {
      throw new CommandError({
        what: `${path} is open to others: its mode is ${(mode & 0o777).toString(8).padStart(4, '0')}`,
        why: 'it holds a secret',
        next: `chmod 600 ${path}`,
        exitCode: ExitCode.usage,
      })
    }
    // An editor ends the line.
    const secret = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
    if (secret !== '') return secret
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    throw new CommandError(
      { what: `cannot read ${path}`, why: (cause as Error).message, exitCode: ExitCode.usage },
      { cause },
    )
  }
  throw new CommandError({ what: `${path} is empty`, why: 'it should hold a secret', exitCode: ExitCode.usage })
}
