/**
 * The soak: TLS clients and application sessions on five members for minutes, one of which is killed now and then, and then nobody. What
 * counts is what is resumed, what is lost, whether memory grows, and whether everything is as before when it is over.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '@reprise/testkit'
import type { ResumptionStats } from '@reprise/tls'
import { backToBaseline, type Leftover, takeBaseline } from './baseline.ts'
import { nameOf, SoakCluster } from './cluster.ts'
import { AWAY_MS, CLIENTS, JUDGED_PART, KILL_EVERY_MS, MEMBERS, SAMPLE_EVERY_MS, SPARED } from './constants.ts'
import { Crowd, type CrowdTally, type Missed } from './crowd.ts'
import type { Memory } from './member-process.ts'
import { theilSenSlope } from './slope.ts'
import { Wanderers, type WandererTally } from './wanderers.ts'

export interface SoakOptions {
  readonly durationMs: number
  readonly handshakesPerSecond: number
  /** How long a handshake waits for the cluster, in milliseconds. */
  readonly lookupDeadlineMs: number
  readonly seed: number
  /** Ends the run: everything is stopped, and the promise rejects with its reason. */
  readonly signal: AbortSignal
  /** Told of everything that happens, and every few seconds how it goes. */
  readonly onNews: (news: News) => void
}

export type News =
  | { readonly type: 'started' | 'over' }
  | { readonly type: 'killed' | 'back'; readonly member: string }
  | { readonly type: 'progress'; readonly handshakes: CrowdTally; readonly memory: readonly Memory[] }

/** What a run came to. */
export interface SoakReport {
  readonly durationMs: number
  readonly handshakes: CrowdTally
  readonly missed: readonly Missed[]
  /** What the members say of the sessions that they looked up: what came of it, and in how many milliseconds, `upTo` the next more. */
  readonly lookups: Readonly<Record<string, number>>
  readonly lookupMs: readonly LookupTime[]
  readonly wanderers: WandererTally
  readonly kills: number
  readonly growth: readonly Growth[]
  readonly leftovers: readonly Leftover[]
}

export interface LookupTime {
  readonly upToMs: number
  readonly count: number
}

/**
 * How the memory of a member that was never killed grew in the judged part, in bytes for each handshake of the cluster. NaN where there are
 * too few samples.
 */
export interface Growth {
  readonly member: string
  readonly objectBytes: number
  readonly externalBytes: number
  readonly last: Memory
  readonly samples: number
}

interface Sample {
  readonly handshakes: number
  readonly memory: readonly Memory[]
}

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { lookupDeadlineMs } = options
  await using cluster = await SoakCluster.start({ members: MEMBERS, lookupDeadlineMs })
  const baseline = await takeBaseline(cluster)
  const run = new Run(cluster, options)
  await run.go()
  options.onNews({ type: 'over' })
  const leftovers = await backToBaseline(cluster, baseline, options.signal)
  return { ...(await run.report()), leftovers }
}

class Run {
  readonly #cluster: SoakCluster
  readonly #options: SoakOptions
  readonly #crowd: Crowd
  readonly #wanderers: Wanderers
  readonly #samples: Sample[] = []
  /** What lives counted that are over, and at the end those that are not. */
  readonly #counted: ResumptionStats[] = []
  #kills = 0

  constructor(cluster: SoakCluster, options: SoakOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#crowd = new Crowd({
      clients: CLIENTS,
      perSecond: options.handshakesPerSecond,
      random: new Random(options.seed),
      ports: () => cluster.ports,
    })
    this.#wanderers = new Wanderers(cluster)
  }

  async go(): Promise<void> {
    const { durationMs, onNews, signal } = this.#options
    const endMs = performance.now() + durationMs
    const over = new AbortController()
    onNews({ type: 'started' })
    this.#crowd.go()
    this.#wanderers.go()
    const killing = this.#killNowAndThen(over.signal)
    try {
      while (performance.now() < endMs) {
        await pause(Math.min(SAMPLE_EVERY_MS, endMs - performance.now()), undefined, { signal })
        await this.#sample()
      }
    } finally {
      over.abort()
      await Promise.all([killing, this.#crowd.pause(), this.#wanderers.stop()])
    }
  }

  async report(): Promise<Omit<SoakReport, 'leftovers'>> {
    for (let index = 0; index < MEMBERS; index++) await this.#noteLookups(index)
    return {
      durationMs: this.#options.durationMs,
      handshakes: this.#crowd.tally,
      missed: this.#crowd.missed,
      lookups: addUp(this.#counted.map(({ lookups }) => lookups)),
      lookupMs: this.#lookupTimes(),
      wanderers: this.#wanderers.tally,
      kills: this.#kills,
      growth: Array.from({ length: SPARED }, (_, index) => this.#growthOf(index)),
    }
  }

  async #sample(): Promise<void> {
    await this.#crowd.pause()
    const memory = await Promise.all(
      Array.from({ length: SPARED }, (_, index) => this.#cluster.process(index)!.call('memory')),
    )
    this.#samples.push({ handshakes: this.#crowd.tally.handshakes, memory })
    this.#options.onNews({ type: 'progress', handshakes: { ...this.#crowd.tally }, memory })
    this.#crowd.go()
  }

  async #killNowAndThen(signal: AbortSignal): Promise<void> {
    const { onNews } = this.#options
    const isOver = (): boolean => signal.aborted
    await pause(KILL_EVERY_MS / 2, undefined, { signal }).catch(() => {})
    while (!isOver()) {
      const index = SPARED + (this.#kills++ % (MEMBERS - SPARED))
      const member = nameOf(index)
      await this.#noteLookups(index)
      onNews({ type: 'killed', member })
      await this.#cluster.kill(index)
      await pause(AWAY_MS)
      await this.#cluster.spawn(index, MEMBERS)
      onNews({ type: 'back', member })
      await pause(KILL_EVERY_MS - AWAY_MS, undefined, { signal }).catch(() => {})
    }
  }

  /** What a life counted is gone with it. */
  async #noteLookups(index: number): Promise<void> {
    this.#counted.push(await this.#cluster.process(index)!.call('resumption'))
  }

  #lookupTimes(): readonly LookupTime[] {
    const boundsMs = this.#counted[0]?.lookupMs.boundsMs ?? []
    return [...boundsMs, Number.POSITIVE_INFINITY].map((upToMs, bucket) => ({
      upToMs,
      count: this.#counted.reduce((sum, { lookupMs }) => sum + (lookupMs.counts[bucket] ?? 0), 0),
    }))
  }

  #growthOf(index: number): Growth {
    const judged = this.#samples.slice(Math.floor(this.#samples.length * (1 - JUDGED_PART)))
    const slopeOf = (bytesOf: (memory: Memory) => number): number =>
      theilSenSlope(judged.map(({ handshakes, memory }) => ({ x: handshakes, y: bytesOf(memory[index]!) })))
    return {
      member: nameOf(index),
      objectBytes: slopeOf(({ objectBytes }) => objectBytes),
      externalBytes: slopeOf(({ externalBytes }) => externalBytes),
      last: judged.at(-1)!.memory[index]!,
      samples: judged.length,
    }
  }
}

function addUp(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const counts of all) {
    for (const [what, count] of Object.entries(counts)) sums[what] = (sums[what] ?? 0) + count
  }
  return sums
}
