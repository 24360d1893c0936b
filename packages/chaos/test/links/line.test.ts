/** When what is sent over a line arrives, with a clock of the test's own. */
import assert from 'node:assert/strict'
import { Random } from '@reprise/testkit'
import { Line } from '../../src/links/line.ts'
import type { LinkConditions } from '../../src/scenario.ts'

const SEED = 7
const SEGMENT_BYTES = 1_448

function lineWith(conditions: LinkConditions, seed = SEED): Line {
  const line = new Line(new Random(seed))
  line.impair(conditions)
  return line
}

/** When the last byte of each message arrives, all sent at 0. */
function arrivals(line: Line, sizes: readonly number[]): number[] {
  return sizes.map((bytes) => Math.max(...line.send(bytes, 0).map(({ dueMs }) => dueMs)))
}

describe('a line', () => {
  it('brings everything at once and in one piece when nothing is wrong', () => {
    assert.deepEqual(lineWith({}).send(65_536, 5), [{ bytes: 65_536, dueMs: 5 }])
  })

  it('delays by its delay, give or take its jitter', () => {
    const times = arrivals(lineWith({ delayMs: 50, jitterMs: 10 }), Array(1_000).fill(100))
    assert.ok(Math.min(...times) >= 40 && Math.max(...times) <= 60)
    assert.ok(Math.min(...times) < 42 && Math.max(...times) > 58, 'all of the jitter is used')
  })

  it('never delivers before it was sent, however large the jitter', () => {
    assert.ok(arrivals(lineWith({ jitterMs: 50 }), Array(100).fill(100)).every((ms) => ms >= 0))
  })

  it('draws the same delays again from the same seed', () => {
    const conditions = { delayMs: 20, jitterMs: 20, lossRate: 0.2 }
    const sizes = Array(200).fill(3_000)
    assert.deepEqual(arrivals(lineWith(conditions), sizes), arrivals(lineWith(conditions), sizes))
    assert.notDeepEqual(arrivals(lineWith(conditions), sizes), arrivals(lineWith(conditions, SEED + 1), sizes))
  })

  it('shares its bandwidth among all that is sent, and lets a read arrive bit by bit', () => {
    const line = lineWith({ bytesPerSecond: 1_000_000 })
    const slices = line.send(50_000, 0)
    assert.ok(slices.length >= 5, 'it does not arrive in one lump')
    assert.equal(
      slices.reduce((sum, { bytes }) => sum + bytes, 0),
      50_000,
    )
    assert.equal(Math.round(slices.at(-1)!.dueMs), 50)
    assert.equal(Math.round(arrivals(line, [100_000])[0]!), 150)
  })

  it('forgets what it was busy with when it changes', () => {
    const line = lineWith({ bytesPerSecond: 1_000 })
    line.send(10_000, 0)
    line.heal()
    assert.deepEqual(line.send(10, 0), [{ bytes: 10, dueMs: 0 }])
  })

  it('holds up a small message that is lost until the clock of TCP repeats it, and longer when that is lost too', () => {
    const times = arrivals(lineWith({ lossRate: 0.2 }), Array(10_000).fill(100))
    const shares = [0, 200, 600, 1_400].map((ms) => times.filter((time) => time === ms).length / times.length)
    for (const [index, expected] of [0.8, 0.16, 0.032, 0.0064].entries()) {
      assert.ok(Math.abs(shares[index]! - expected) < 0.1 * expected + 0.004, `seed ${SEED}: ${shares}`)
    }
  })

  it('repairs a loss within a round trip where more packets follow', () => {
    const isQuick = (ms: number): boolean => ms === 10 || ms === 30
    const large = arrivals(lineWith({ lossRate: 0.005, delayMs: 10 }), Array(1_000).fill(40 * SEGMENT_BYTES))
    const quick = large.filter(isQuick).length
    assert.ok(quick > 950 && quick < 1_000, `seed ${SEED}: ${quick} of 1000`)
    assert.ok(large.includes(30), 'some were repaired')
  })

  it('comes to an end even where everything is lost', () => {
    const [ms] = arrivals(lineWith({ lossRate: 1 }), [100])
    assert.ok(ms! > 100_000 && ms! < 1_000_000)
  })
})
