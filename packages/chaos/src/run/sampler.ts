/** Looks at all members once a second, as a load balancer's health checks do, and keeps what it sees. */
import type { ClusterUnderTest, MemberCondition } from '../backends/backend.ts'
import { SAMPLE_DEADLINE_MS, SAMPLE_MS } from '../constants.ts'
import type { Sample } from '../run-record.ts'
import type { Time } from '../workload/time.ts'

export type Conditions = ReadonlyMap<number, MemberCondition>

export class Sampler {
  readonly samples: Sample[] = []
  readonly #cluster: ClusterUnderTest
  readonly #time: Time
  #isRunning = false

  constructor(cluster: ClusterUnderTest, time: Time) {
    this.#cluster = cluster
    this.#time = time
  }

  /** Look at all members now. */
  async look(): Promise<Conditions> {
    const { memberNames } = this.#cluster
    const conditions = await Promise.all(
      memberNames.map((_, node) => this.#cluster.condition(node, SAMPLE_DEADLINE_MS)),
    )
    const atMs = this.#time.nowMs()
    for (const [node, condition] of conditions.entries()) this.samples.push(sampleOf(atMs, node, condition))
    return new Map(conditions.entries())
  }

  /** Until `stop`. */
  async run(onLook: (conditions: Conditions) => void): Promise<void> {
    this.#isRunning = true
    let dueMs = this.#time.nowMs()
    while (this.#isRunning) {
      onLook(await this.look())
      dueMs = Math.max(dueMs + SAMPLE_MS, this.#time.nowMs())
      await this.#time.sleep(dueMs - this.#time.nowMs())
    }
  }

  stop(): void {
    this.#isRunning = false
  }
}

function sampleOf(atMs: number, node: number, condition: MemberCondition): Sample {
  if (typeof condition !== 'string') return { atMs, node, ...condition }
  return { atMs, node, state: condition, lagFrames: 0, reachable: 0, sessions: 0 }
}
