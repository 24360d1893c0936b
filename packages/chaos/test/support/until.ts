/** Waits for conditions, never for durations. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

/** Far above what anything takes on a busy machine: it only bounds a failure. */
const DEADLINE_MS = 15_000

/** Resolves when the condition holds. Fails with `what` when it never does. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `not within ${DEADLINE_MS} ms: ${what}`)
    await pause(5)
  }
}

/** Resolves when a number has not changed for a while, with it. */
export async function settled(value: () => number, what: string): Promise<number> {
  const STILL_LOOKS = 10
  let last = value()
  let still = 0
  await until(async () => {
    await pause(20)
    still = value() === last ? still + 1 : 0
    last = value()
    return still >= STILL_LOOKS
  }, what)
  return last
}
