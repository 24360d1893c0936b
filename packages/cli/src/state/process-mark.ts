/**
 * Telling a process from a later one with the same id: by when it started. A process id alone is not enough to send a
 * signal to: the system uses it again.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Text that no other process has or will have; undefined when there is no such process, or when the system does not tell.
 * One that has ended and waits for its parent to notice is no process any more.
 */
export function processMark(pid: number): string | undefined {
  try {
    return process.platform === 'linux' ? linuxMark(pid) : psMark(pid)
  } catch {
    return undefined
  }
}

/** The boot, and the clock ticks from it until the process began: neither changes when the wall clock is set. */
function linuxMark(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The fields after the name, which is in parentheses and may hold anything: the first is the state (field 3 of proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  const startTicks = fields[22 - 3]
  if (state === 'Z' || startTicks === undefined) return undefined
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  return `${boot}:${startTicks}`
}

function psMark(pid: number): string | undefined {
  const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: PS_MS_MAX })
  return started.trim() || undefined
}

const PS_MS_MAX = 5_000
