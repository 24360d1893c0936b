/**
 * `reprise keys follow`: keep the key files of a terminator as the ring of the cluster is, and tell the terminator.
 *
 * Each thing that is to be done with new keys is a step, which is done once for a ring, and again when it failed. A node that
 * does not answer, or a terminator that is not there, is told once, and tried again at the next look.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import {
  apacheKeyFile,
  haproxyKeyFile,
  keepRing,
  nginxKeyFiles,
  type OverlappingKeys,
  overlappingKeys,
  type TicketRingStore,
} from '@reprise/tls'
import { explain } from '../failure.ts'
import { pause } from '../interruption.ts'
import { RELOAD_MS_MAX } from './constants.ts'
import { tellHaproxy } from './haproxy.ts'
import { writeKeyFile } from './key-file.ts'

/** Where the keys go. */
export interface KeyOutputs {
  /** A `tls-ticket-keys` file of HAProxy. */
  readonly haproxy?: string | undefined
  /** Its stats socket: a path, or `HOST:PORT`. */
  readonly haproxySocket?: string | undefined
  /** What the three files of nginx begin with. */
  readonly nginx?: string | undefined
  /** An `SSLSessionTicketKeyFile` of Apache httpd. */
  readonly apache?: string | undefined
  /** A command for the shell, after files have changed. */
  readonly reload?: string | undefined
}

export interface FollowInit {
  readonly ring: TicketRingStore
  readonly outputs: KeyOutputs
  readonly rotateMs: number
  readonly pollMs: number
  /** End when everything was done once. */
  readonly isOnce: boolean
  readonly signal: AbortSignal
  /** Lines for people: what was done, and what was not. */
  onDone(line: string): void
  onTrouble(line: string): void
}

/** @returns when the signal is aborted, or once everything was done. @throws what went wrong, if it is to be done once. */
export async function follow(init: FollowInit): Promise<void> {
  const { ring, rotateMs, pollMs, isOnce, signal } = init
  const steps = stepsOf(init.outputs).map((step) => new Step(step))
  let trouble = ''
  while (!signal.aborted) {
    try {
      const keys = overlappingKeys(await keepRing(ring, { nowMs: Date.now(), rotateMs }))
      if (keys !== undefined) await takeOver(keys, steps, init)
      trouble = ''
    } catch (error) {
      if (isOnce) throw error
      const { what, why } = explain(error)
      const line = why === undefined ? what : `${what}: ${why}`
      if (line !== trouble) init.onTrouble(`${line}; trying again`)
      trouble = line
    }
    if (isOnce) return
    await pause(pollMs, signal)
  }
}

/** Do with the keys what was not done yet. Steps after one that fails are done all the same. */
async function takeOver(keys: OverlappingKeys, steps: readonly Step[], { onDone }: FollowInit): Promise<void> {
  const done: string[] = []
  const failures: unknown[] = []
  for (const step of steps) {
    try {
      if (await step.take(keys)) done.push(step.name)
    } catch (error) {
      failures.push(error)
    }
  }
  if (done.length > 0) onDone(`seals with ${keys.current.id}, next ${keys.next.id}: ${done.join(', ')}`)
  if (failures.length > 0) throw failures[0]
}

interface StepInit {
  readonly name: string
  run(keys: OverlappingKeys): Promise<void>
}

class Step {
  readonly name: string
  readonly #run: StepInit['run']
  #doneFor = ''

  constructor({ name, run }: StepInit) {
    this.name = name
    this.#run = run
  }

  /** @returns whether it was done now. */
  async take(keys: OverlappingKeys): Promise<boolean> {
    const ids = [keys.previous, keys.current, keys.next].map(({ id }) => id).join(' ')
    if (this.#doneFor === ids) return false
    await this.#run(keys)
    this.#doneFor = ids
    return true
  }
}

/** Files first: who is told, or starts just now, reads them. */
function stepsOf({ haproxy, haproxySocket, nginx, apache, reload }: KeyOutputs): readonly StepInit[] {
  const steps: StepInit[] = []
  if (haproxy !== undefined) {
    steps.push({ name: `wrote ${haproxy}`, run: (keys) => writeKeyFile(haproxy, haproxyKeyFile(keys)) })
  }
  if (nginx !== undefined) {
    steps.push({
      name: `wrote ${nginx}.{current,next,previous}`,
      run: async (keys) => {
        for (const [suffix, key] of nginxKeyFiles(keys)) await writeKeyFile(`${nginx}${suffix}`, key)
      },
    })
  }
  if (apache !== undefined) {
    steps.push({ name: `wrote ${apache}`, run: (keys) => writeKeyFile(apache, apacheKeyFile(keys)) })
  }
  if (haproxy !== undefined && haproxySocket !== undefined) {
    steps.push({ name: 'told HAProxy', run: (keys) => tellHaproxy(haproxySocket, haproxy, keys) })
  }
  if (reload !== undefined) steps.push({ name: 'reloaded', run: () => runReload(reload) })
  return steps
}

async function runReload(command: string): Promise<void> {
  await promisify(execFile)('/bin/sh', ['-c', command], { timeout: RELOAD_MS_MAX })
}
