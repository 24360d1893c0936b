/**
 * Where the packages of this repository are and what their manifests say: for the scripts, and for the test of the
 * frame.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The fields of a package.json that the scripts and the frame's test look at. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly license?: string
  readonly type?: string
  readonly engines?: { readonly node?: string }
  readonly repository?: { readonly url?: string; readonly directory?: string }
  readonly files?: readonly string[]
  readonly bin?: Readonly<Record<string, string>>
  /** By entry and condition, the first match wins; `import` and `require` have conditions of their own. */
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string | Readonly<Record<string, string>>>>>>
  readonly publishConfig?: { readonly access?: string }
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The root of the repository, an absolute path. */
export const rootDirectory: string = join(import.meta.dirname, '..')

/** The absolute path of every package, sorted by name. */
export function packageDirectories(): string[] {
  const parent = join(rootDirectory, 'packages')
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(parent, entry.name))
    .sort()
}

/** The manifest of the package in `directory`. */
export function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
}
