/**
 * A cluster in the background: `reprise up` as a process in a session of its own, so that neither the end of this one nor that of
 * the terminal ends it. It is ready when its state file lists nodes; its output goes to a file beside that.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandError, ExitCode } from '../failure.ts'
import type { GatewayName } from '../gateways.ts'
import { selfArguments } from '../self.ts'
import type { ClusterNode, ClusterStates } from '../state/cluster-state.ts'
import { START_DEADLINE_MS, STDERR_LINES_MAX } from './constants.ts'
import type { Confirm } from './messages.ts'

export interface DetachedOptions {
  readonly name: string
  readonly nodes: number
  readonly confirm: Confirm
  readonly restart?: boolean
  readonly gateways: readonly GatewayName[]
}

export interface Detached {
  readonly pid: number
  readonly nodes: readonly ClusterNode[]
  readonly logFile: string
}

/** Resolves when all its nodes are ready. @throws CommandError with what it wrote last when it ends before. */
export async function startDetached(states: ClusterStates, options: DetachedOptions): Promise<Detached> {
  const { name, nodes, confirm, restart = false, gateways } = options
  states.prepare()
  const logFile = states.logFile(name)
  const log = openSync(logFile, 'w', 0o600)
  const args = ['up', '--json', '--name', name, '--nodes', String(nodes), '--confirm', confirm]
  args.push(...gateways.map((gateway) => `--${gateway}`), ...(restart ? ['--restart'] : []))
  const child = spawn(process.execPath, selfArguments(args), {
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  const state = await untilReady(states, name, child, ended)
  if (state === undefined) throw endedEarly(name, logFile)
  child.unref()
  return { pid: state.pid, nodes: state.nodes, logFile }
}

async function untilReady(states: ClusterStates, name: string, child: ChildProcess, ended: Promise<void>) {
  let isRunning = true
  void ended.then(() => {
    isRunning = false
  })
  const untilMs = performance.now() + READY_MS_MAX
  while (isRunning) {
    const state = states.read(name)
    // Another process may have been faster with the name; then ours ends.
    if (state !== undefined && state.nodes.length > 0 && state.pid === child.pid) return state
    if (performance.now() > untilMs) {
      child.kill('SIGTERM')
      await ended
    }
    await Promise.race([sleep(POLL_MS), ended])
  }
  return undefined
}

function endedEarly(name: string, logFile: string): CommandError {
  const lastLines = readFileSync(logFile, 'utf8').trim().split('\n').slice(-STDERR_LINES_MAX)
  return new CommandError({
    what: `the cluster ${name} ended before it was ready`,
    why: lastLines.join(' | ') || undefined,
    next: `see ${logFile}`,
    exitCode: ExitCode.failure,
  })
}

/** It gives up by itself before, and says why. */
const READY_MS_MAX = START_DEADLINE_MS + 5_000
/** A person waits for it. */
const POLL_MS = 50
