/** Configuration files of `examples/`: what is tested is what people copy. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fill } from '../../../examples/support/fill.js'
import { rootDirectory } from '../../../scripts/workspaces.ts'

/** One of them, such as `apache/shop.conf`, with its places filled. */
export function exampleFile(path: string, values: Readonly<Record<string, string | number>>): string {
  return fill(pathToFileURL(join(rootDirectory, 'examples', path)), values)
}
