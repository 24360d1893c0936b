/**
 * An orderly end when the process is told to go.
 *
 * ```
 *  SIGTERM, SIGINT ─► /readyz 503 ─► onDraining ─► node hands over, leaves ─► admin closes ─► 0
 *                          └── a second signal: at once, 128 + its number ──┘
 * ```
 *
 * Load balancers learn first that this server is not ready; then the program lets its clients finish; then the node goes, which
 * serves them until the hand-over is done. Nothing here ends the process unless `exit` is given: when all is closed it ends by itself.
 */
import { constants } from 'node:os'
import { UsageError } from '@reprise/core'
import type { Logger } from '@reprise/node'
import type { Admin } from './admin.ts'
import { END_DRAIN_MS_DEFAULT, END_GRACE_MS } from './constants.ts'

export interface EndOptions {
  readonly node: { stop(options: { readonly drainMs: number }): Promise<void> }
  readonly admin?: Pick<Admin, 'drain' | 'close'>
  /** For `onDraining` and the node's hand-over together, in milliseconds. Default 10,000. */
  readonly drainMs?: number
  /**
   * Called when the end begins, before the node leaves: take no new clients, and resolve when the present ones are served. Not
   * waited for beyond `drainMs`.
   */
  onDraining?(signal: EndSignal): void | Promise<void>
  /** Called with the exit code when everything is closed, or at once at the second signal; such as `process.exit`. Default: not. */
  exit?(code: number): void
  readonly logger?: Logger
}

export type EndSignal = 'SIGTERM' | 'SIGINT'

/** The wait for an end. */
export interface SignalEnd {
  /**
   * Resolves with the exit code: 0 after an orderly end, 1 when something of it failed or took more than five seconds over
   * `drainMs`, 128 + n when a second signal cut it short. Never rejects.
   */
  readonly ended: Promise<number>
  /** Wait for no signal any more. An end that is under way goes on. */
  dispose(): void
}

/** End the node in order at SIGTERM or SIGINT. @throws UsageError */
export function endOnSignals(options: EndOptions): SignalEnd {
  const { drainMs = END_DRAIN_MS_DEFAULT, exit, logger } = options
  if (!(drainMs >= 0 && drainMs < 2 ** 31 - END_GRACE_MS))
    throw new UsageError(`drainMs must be 0 or more, not ${drainMs}`)
  const { promise: ended, resolve } = Promise.withResolvers<number>()
  let hasBegun = false
  const finish = (code: number): void => {
    dispose()
    resolve(code)
    exit?.(code)
  }
  const onSignal = (signal: EndSignal): void => {
    if (hasBegun) {
      logger?.warn('told to end twice, ends at once', { signal })
      finish(128 + constants.signals[signal])
      return
    }
    hasBegun = true
    logger?.info('told to end', { signal, drainMs })
    void end(options, signal, drainMs).then(finish)
  }
  const dispose = (): void => {
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return { ended, dispose }
}

const SIGNALS: readonly EndSignal[] = ['SIGTERM', 'SIGINT']

/** @returns the exit code. */
async function end(
  { node, admin, onDraining, logger }: EndOptions,
  signal: EndSignal,
  drainMs: number,
): Promise<number> {
  const sinceMs = performance.now()
  const failed = (what: string) => (cause: unknown) => {
    logger?.error(`${what} at the end`, { error: cause instanceof Error ? cause.name : typeof cause })
    return false
  }
  const succeeded = (): boolean => true
  admin?.drain()
  const served = (async () => await onDraining?.(signal))().then(succeeded, failed('the program failed'))
  // Who does not end in time has not failed; the node goes all the same.
  const hasServed = await Promise.race([served, pause(drainMs).then(succeeded)])
  const leftMs = Math.max(0, drainMs - (performance.now() - sinceMs))
  const closed = close(node, admin, leftMs).then(succeeded, failed('the node failed'))
  const hasClosed = await Promise.race([
    closed,
    pause(leftMs + END_GRACE_MS).then(() => failed('took too long')(undefined)),
  ])
  return hasServed && hasClosed ? 0 : 1
}

async function close(node: EndOptions['node'], admin: EndOptions['admin'], drainMs: number): Promise<void> {
  try {
    await node.stop({ drainMs })
  } finally {
    await admin?.close()
  }
}

/** Holds no process that could end. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
