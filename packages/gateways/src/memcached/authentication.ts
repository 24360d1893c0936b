/** Who a client says that it is: `user password`, as data of its first `set`. */
import type { Credentials } from '../credentials.ts'
import { areCredentials } from '../credentials.ts'

export function authenticate(credentials: Credentials, shown: Uint8Array): boolean {
  const at = shown.indexOf(SPACE)
  return at >= 0 && areCredentials(credentials, shown.subarray(0, at), shown.subarray(at + 1))
}

const SPACE = 32
