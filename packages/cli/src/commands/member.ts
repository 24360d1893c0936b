/**
 * `reprise member`, hidden: the process that a local cluster starts for each node. Its configuration comes through the
 * channel to its parent, since a command line can be read by everybody on the machine.
 *
 * It ends when it is told to, and at once when its parent is gone; then it also removes what the cluster had on disk.
 * Signals from the keyboard are its parent's business: a terminal sends ^C to the whole group.
 */
import { rmSync } from 'node:fs'
import { Command } from 'commander'
import { COUNTERS_INTERVAL_MS } from '../cluster/constants.ts'
import type { FromMember, MemberConfig, MemberCounters, ToMember } from '../cluster/messages.ts'
import { CommandError, ExitCode } from '../failure.ts'
import type { Member } from '../member/member.ts'

export function memberCommand(): Command {
  return new Command('member').description('one node of a local cluster, started by it').action(runMember)
}

/** Ends with the process. */
async function runMember(): Promise<void> {
  if (process.send === undefined) {
    throw new CommandError({
      what: 'a member is started by its cluster',
      next: 'use reprise up, or reprise demo',
      exitCode: ExitCode.usage,
    })
  }
  process.title = 'reprise member'
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})

  let config: MemberConfig | undefined
  let member: Member | undefined
  process.once('disconnect', () => {
    if (config !== undefined) rmSync(config.clusterDir, { recursive: true, force: true, maxRetries: 3 })
    process.exit(ExitCode.ok)
  })
  const stop = async (): Promise<void> => {
    await member?.stop()
    process.exit(ExitCode.ok)
  }
  process.once('SIGTERM', () => void stop())

  try {
    // Loading takes most of the time to start: it is done when the configuration comes.
    const { startMember } = await import('../member/member.ts')
    config = await new Promise<MemberConfig>((resolve) => {
      process.on('message', (message: ToMember) => {
        if (message.type === 'start') resolve(message.config)
        else if (message.type === 'stop') void stop()
        else member?.setCut(message.type === 'cut')
      })
    })
    process.title = `reprise ${config.name}`
    member = await startMember(config, (message) => void tell(message))
  } catch (error) {
    await tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
    if (process.env['REPRISE_DEBUG'] !== undefined) console.error(error)
    process.exit(ExitCode.failure)
  }
  reportCounters(member)
}

/** Resolves when the message is on its way, or can not be sent any more. */
function tell(message: FromMember): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
    else resolve()
  })
}

/** Tell the counters whenever they changed. */
function reportCounters(member: Member): void {
  let last = ''
  setInterval(() => {
    const counters: MemberCounters = member.counters()
    const text = JSON.stringify(counters)
    if (text === last) return
    last = text
    void tell({ type: 'counters', ...counters })
  }, COUNTERS_INTERVAL_MS)
}
