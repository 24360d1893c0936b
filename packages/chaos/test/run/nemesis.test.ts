import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterUnderTest, ResolvedFault } from '../../src/backends/backend.ts'
import { scenario } from '../../src/define.ts'
import type { Strike } from '../../src/index.ts'
import { planStrikes } from '../../src/plan.ts'
import { Nemesis } from '../../src/run/nemesis.ts'

/** A cluster that writes down what happens to it. */
class Struck {
  readonly log: string[] = []
  readonly expected = [0, 1, 2, 3]
  /** Ends of faults wait for these. */
  gate: Promise<void> = Promise.resolve()

  async strike({ fault, nodes, lastsMs }: ResolvedFault): ReturnType<ClusterUnderTest['strike']> {
    const name = `${fault.kind} ${nodes.join()}`
    this.log.push(name)
    if (lastsMs === 0 && fault.kind === 'join') return undefined
    return async () => {
      await this.gate
      this.log.push(`end of ${name}`)
    }
  }
}

function nemesisOf(struck: Struck, nemesis: readonly Strike[], writers: readonly number[] = []): Nemesis {
  const given = scenario({ name: 'some', summary: '', cluster: { nodes: 4 }, nemesis, phases: { runMs: 60_000 } })
  return new Nemesis({
    cluster: struck as unknown as ClusterUnderTest,
    strikes: planStrikes(given, 1),
    // What it sleeps for beyond its test keeps no process alive.
    time: { nowMs: () => performance.now(), sleep: (ms) => sleep(Math.max(0, ms), undefined, { ref: false }) },
    writers: () => writers,
    onBegin: () => {},
    onEnd: () => {},
  })
}

const kill = (atMs: number, lastsMs: number, node: number | 'primary'): Strike => ({
  atMs,
  lastsMs,
  fault: { kind: 'kill', nodes: [node] },
})
const restart = (atMs: number, node: number): Strike => ({
  atMs,
  lastsMs: 1,
  fault: { kind: 'restart', nodes: [node], atOnceMax: 1 },
})

describe('a nemesis', () => {
  it('ends at once, when all is healed, what has an end, and does not begin what was to come', async () => {
    const struck = new Struck()
    const nemesis = nemesisOf(struck, [kill(0, 0, 0), kill(0, 50_000, 1), kill(50_000, 100, 2)])
    nemesis.start()
    while (struck.log.length < 2) await sleep(1)
    await nemesis.heal()
    assert.deepEqual(struck.log.slice(0, 2), ['kill 0', 'kill 1'])
    assert.deepEqual(struck.log.slice(2).sort(), ['end of kill 0', 'end of kill 1'])
    assert.deepEqual(
      nemesis.bands.map(({ untilMs }) => untilMs !== undefined),
      [true, true],
    )
  })

  it('strikes who wrote most, and not whom it has struck already', async () => {
    const struck = new Struck()
    const nemesis = nemesisOf(struck, [kill(0, 0, 'primary'), kill(10, 0, 'primary')], [2, 0])
    nemesis.start()
    while (struck.log.length < 2) await sleep(1)
    await nemesis.heal()
    assert.deepEqual(struck.log.slice(0, 2), ['kill 2', 'kill 0'])
  })

  it('lets a restart wait until it is its turn', async () => {
    const struck = new Struck()
    const opened = Promise.withResolvers<void>()
    struck.gate = opened.promise
    const nemesis = nemesisOf(struck, [restart(0, 0), restart(0, 1)])
    nemesis.start()
    while (struck.log.length < 1) await sleep(1)
    opened.resolve()
    await nemesis.restarted()
    assert.deepEqual(struck.log, ['restart 0', 'end of restart 0', 'restart 1', 'end of restart 1'])
    await nemesis.heal()
  })

  it('leaves what has no end', async () => {
    const struck = new Struck()
    const nemesis = nemesisOf(struck, [{ atMs: 0, lastsMs: 0, fault: { kind: 'join', nodes: [3] } }])
    nemesis.start()
    while (struck.log.length < 1) await sleep(1)
    await nemesis.heal()
    assert.deepEqual(struck.log, ['join 3'])
    assert.equal(nemesis.bands[0]?.untilMs, undefined)
  })
})
