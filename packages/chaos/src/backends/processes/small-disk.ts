/**
 * A disk of a few megabytes that can be filled: memory that is mounted as a directory. Linux, as root.
 *
 * Full means that not a byte more can be written, to the last one: the system says so to whoever tries, as any disk does.
 */
import { spawnSync } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FILL_BYTES, SMALL_DISK_BYTES } from '../../constants.ts'
import { run } from '../../links/system-command.ts'

export class SmallDisk {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** Whether this system lets this process have one. */
  static get isAvailable(): boolean {
    return process.platform === 'linux' && process.getuid?.() === 0
  }

  /** @throws LinksError when the system refuses, with its words. */
  static async mount(directory: string): Promise<SmallDisk> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK_BYTES},mode=0700`, 'reprise-chaos', directory])
    return new SmallDisk(directory)
  }

  /** Leave no room for anything. */
  async fill(): Promise<void> {
    const filler = await open(this.#filler, 'a')
    try {
      for (let bytes = FILL_BYTES; bytes >= 1; ) {
        try {
          const { bytesWritten } = await filler.write(Buffer.alloc(bytes))
          if (bytesWritten < bytes) bytes = Math.max(1, bytesWritten)
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
          bytes = Math.floor(bytes / 2)
        }
      }
    } finally {
      await filler.close()
    }
  }

  /** There is as much room as before. */
  async free(): Promise<void> {
    await rm(this.#filler, { force: true })
  }

  /** Everything on it is gone. Whoever still has a file open keeps it until then. */
  async unmount(): Promise<void> {
    await run('umount', ['--lazy', this.#directory])
  }

  /** The same without waiting, as an exit handler must. */
  unmountNow(): void {
    spawnSync('umount', ['--lazy', this.#directory], { stdio: 'ignore' })
  }

  get #filler(): string {
    return join(this.#directory, 'filler')
  }
}
