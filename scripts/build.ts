/**
 * Builds what is published: the `dist` of every package, made anew so that nothing stays of a source that is gone, and
 * the license beside it, since npm packs only what lies inside the package.
 */

import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buildCommonJs } from './commonjs.ts'
import { packageDirectories, rootDirectory } from './workspaces.ts'

const directories = packageDirectories()
for (const directory of directories) rmSync(join(directory, 'dist'), { recursive: true, force: true })

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
execFileSync(process.execPath, [tsc, '--build', ...directories], { cwd: rootDirectory, stdio: 'inherit' })

for (const directory of directories) buildCommonJs(directory)

for (const directory of directories) copyFileSync(join(rootDirectory, 'LICENSE'), join(directory, 'LICENSE'))
