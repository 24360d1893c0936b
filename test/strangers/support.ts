/** What the tests of strangers share. */
import assert from 'node:assert/strict'
import type { Node, ResumedSession, ResumeOptions } from '@reprise/node'

/** A limit that only a failing test meets. */
export const signalIn = (ms: number): AbortSignal => AbortSignal.timeout(ms)

/** Resume a session that is there, whole. */
export const found = async (node: Node, id: string, options: ResumeOptions = {}): Promise<ResumedSession> => {
  const resumed = await node.resume(id, { deadlineMs: 5_000, ...options })
  assert(resumed.outcome === 'complete', `${id}: ${resumed.outcome}`)
  return resumed
}

/** Wait until a condition holds; the test's own time limit bounds it. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}
