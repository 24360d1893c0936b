/**
 * Lets faults begin and end at their times, and all of them end at once when everything is to be healed. A fault that was not there at all when
 * that comes never happens.
 */
import type { ClusterUnderTest } from '../backends/backend.ts'
import { type PlannedStrike, type PlannedTarget, withTargets } from '../plan.ts'
import type { FaultBand } from '../run-record.ts'
import type { Time } from '../workload/time.ts'

export interface NemesisInit {
  readonly cluster: ClusterUnderTest
  readonly strikes: readonly PlannedStrike[]
  readonly time: Time
  /** Members by how much they wrote of late, most first. */
  readonly writers: () => readonly number[]
  readonly onBegin: (band: FaultBand) => void
  readonly onEnd: (band: FaultBand) => void
}

export class Nemesis {
  readonly #init: NemesisInit
  readonly #bands: Band[] = []
  readonly #struck = new Set<number>()
  readonly #healing = Promise.withResolvers<void>()
  /** Restarts that are under way. */
  #restarting = 0
  #isHealing = false
  #strikes: Promise<unknown> = Promise.resolve()
  #restarts: readonly Promise<void>[] = []

  constructor(init: NemesisInit) {
    this.#init = init
  }

  /** The faults that happened, as far as they got. */
  get bands(): readonly FaultBand[] {
    return this.#bands
  }

  /** Times count from now. */
  start(): void {
    const sinceMs = this.#init.time.nowMs()
    const strikes = this.#init.strikes.map((strike) => ({ strike, over: this.#strike(strike, sinceMs) }))
    this.#restarts = strikes.filter(({ strike }) => strike.fault.kind === 'restart').map(({ over }) => over)
    this.#strikes = Promise.all(strikes.map(({ over }) => over))
    // Awaited when everything is healed; what fails before is heard of then.
    this.#strikes.catch(() => {})
  }

  /** Resolves when all restarts have been done, which may be later than planned. */
  async restarted(): Promise<void> {
    await Promise.all(this.#restarts)
  }

  /** End everything that has an end. Resolves when it has ended. */
  async heal(): Promise<void> {
    this.#isHealing = true
    this.#healing.resolve()
    await this.#strikes
  }

  async #strike(strike: PlannedStrike, sinceMs: number): Promise<void> {
    const { time } = this.#init
    await this.#until(sinceMs + strike.atMs)
    const { fault } = strike
    if (fault.kind !== 'restart') return await this.#happen(strike, sinceMs + strike.atMs)
    while (!this.#isHealing && this.#restarting >= (fault.atOnceMax ?? Number.POSITIVE_INFINITY)) {
      await time.sleep(TURN_LOOK_MS)
    }
    this.#restarting++
    try {
      await this.#happen(strike, time.nowMs())
    } finally {
      this.#restarting--
    }
  }

  async #happen(strike: PlannedStrike, atMs: number): Promise<void> {
    if (this.#isHealing) return
    const { cluster, time } = this.#init
    const { fault, nodes } = this.#resolve(strike)
    const band: Band = { fault, nodes, fromMs: time.nowMs(), untilMs: undefined }
    this.#bands.push(band)
    for (const node of nodes) this.#struck.add(node)
    this.#init.onBegin(band)
    const end = await cluster.strike({ fault, nodes, lastsMs: strike.lastsMs })
    await this.#until(strike.lastsMs === 0 ? Number.POSITIVE_INFINITY : atMs + strike.lastsMs)
    await end?.()
    for (const node of nodes) this.#struck.delete(node)
    if (end === undefined) return
    band.untilMs = time.nowMs()
    this.#init.onEnd(band)
  }

  /** That time, or when everything is to be healed. */
  async #until(ms: number): Promise<void> {
    const waitMs = ms - this.#init.time.nowMs()
    await (Number.isFinite(waitMs)
      ? Promise.race([this.#init.time.sleep(waitMs), this.#healing.promise])
      : this.#healing.promise)
  }

  /** Find out who the primary is now. Who is struck already is not struck again in its place. */
  #resolve({ fault, targets }: PlannedStrike): Pick<FaultBand, 'fault' | 'nodes'> {
    const named = Object.values(targets).flat()
    const writers = this.#init.writers().filter((node) => !named.includes(node) && !this.#struck.has(node))
    const others = this.#init.cluster.expected.filter((node) => !writers.includes(node) && !named.includes(node))
    const primaries = [...writers, ...others.filter((node) => !this.#struck.has(node))]
    const find = (target: PlannedTarget): number[] => {
      if (target !== 'primary') return [target]
      const primary = primaries.shift()
      return primary === undefined ? [] : [primary]
    }
    const found = Object.entries(targets).map(([list, some]) => [list, some.flatMap(find)] as const)
    return {
      fault: withTargets(fault, Object.fromEntries(found)),
      nodes: [...new Set(found.flatMap(([, nodes]) => nodes))].sort((a, b) => a - b),
    }
  }
}

type Band = { -readonly [Key in keyof FaultBand]: FaultBand[Key] }

/** How often a restart looks whether it is its turn. */
const TURN_LOOK_MS = 20
