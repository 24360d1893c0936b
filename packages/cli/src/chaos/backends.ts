/** Where a scenario can run, as the command tells it. A file of its own, so that its help loads no node. */
import type { BackendName } from '@reprise/chaos'
import { CommandError, ExitCode } from '../failure.ts'

export const BACKENDS: readonly BackendName[] = ['sim', 'inproc', 'proc', 'netns']
export const BACKEND_DEFAULT: BackendName = 'proc'

export const BACKENDS_HELP = `
Backends:
  sim      virtual time: a seed repeats a run event by event
  inproc   nodes in this process, in real time
  proc     processes on this machine, a proxy between each two; needs nothing
  netns    processes on hosts of their own, in network namespaces; needs Linux and root`

/**
 * Hosts are made by root only. Everything else that a backend may lack it finds out by itself.
 * @param uid undefined where there are no users.
 * @throws CommandError
 */
export function assertPrivileged(backend: BackendName, uid: number | undefined): void {
  if (backend !== 'netns' || uid === undefined || uid === 0) return
  throw new CommandError({
    what: 'the backend netns needs root',
    why: 'it makes a network namespace for each node, and rules for its packets',
    next: `run it with sudo, or with --backend ${BACKEND_DEFAULT}, which needs nothing`,
    exitCode: ExitCode.usage,
  })
}
