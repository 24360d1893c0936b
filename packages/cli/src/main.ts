/**
 * The command `reprise`, started by `bin/reprise.js`: reads the arguments and runs one command.
 */

import { createRequire } from 'node:module'
import { Command } from 'commander'

const manifest = createRequire(import.meta.url)('../package.json') as { readonly version: string }

await new Command('reprise')
  .description('Keeps sessions alive across servers.')
  .version(manifest.version)
  .parseAsync(process.argv)
