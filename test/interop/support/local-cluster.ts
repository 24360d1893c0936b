/** A cluster of `reprise up`, whose nodes are processes that can be frozen and killed. */
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { rootDirectory } from '../../../scripts/workspaces.ts'
import type { Workshop } from './workshop.ts'

export interface UpNode {
  readonly name: string
  readonly pid: number
  readonly memcachedPort: number
  readonly respPort: number
  readonly sessiondPort: number
}

export async function startUp(workshop: Workshop, nodes: number, options: readonly string[]): Promise<UpNode[]> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const launcher = join(rootDirectory, 'packages/cli/bin/reprise.js')
  const up = workshop.spawn(process.execPath, [launcher, 'up', '-n', `${nodes}`, '--json', ...options], {
    env: { ...env, XDG_STATE_HOME: workshop.directory },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  if (up.stdout === null) throw new Error('no output')
  const [line] = await once(createInterface({ input: up.stdout }), 'line')
  return JSON.parse(String(line)).nodes
}
