/** How a client behind a load balancer gets what it wants: it tries one member after the other, until one serves it or it gives up. */
import { REQUEST_MS, ROUND_PAUSE_MS } from '../constants.ts'
import type { Balancer } from './balancer.ts'
import type { Time } from './time.ts'

/**
 * @param attempt one try at a member; undefined when it failed, and the next one is to be tried.
 * @returns how the request ended; undefined when nobody served it within `REQUEST_MS`.
 */
export async function untilServed<End>(
  { balancer, time }: { readonly balancer: Balancer; readonly time: Time },
  attempt: (node: number) => Promise<End | undefined>,
): Promise<End | undefined> {
  const untilMs = time.nowMs() + REQUEST_MS
  const tried = new Set<number>()
  while (time.nowMs() < untilMs) {
    const node = balancer.choose(tried)
    if (node === undefined) {
      tried.clear()
      await time.sleep(ROUND_PAUSE_MS)
      continue
    }
    tried.add(node)
    const end = await attempt(node)
    if (end !== undefined) return end
  }
  return undefined
}
