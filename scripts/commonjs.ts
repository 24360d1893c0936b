/**
 * The CommonJS side of a package that has one: who has a `tsconfig.cjs.json` is compiled a second time, to `dist/cjs`, where a
 * package.json of its own tells Node what these files are.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { rootDirectory } from './workspaces.ts'

/** Build it, if the package in `directory` has one. */
export function buildCommonJs(directory: string): void {
  const project = join(directory, 'tsconfig.cjs.json')
  if (!existsSync(project)) return
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, '--build', project], { cwd: rootDirectory, stdio: 'inherit' })
  writeFileSync(join(directory, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n')
}
