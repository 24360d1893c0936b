/** Writing a key file: readable by this user alone from its first byte on, and never half there. */
import { randomBytes } from 'node:crypto'
import { open, rename, unlink } from 'node:fs/promises'

export async function writeKeyFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw error
  }
}
