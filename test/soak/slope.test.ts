/** The slope that the soak judges memory by. */
import assert from 'node:assert/strict'
import { Random } from '@reprise/testkit'
import { theilSenSlope } from './slope.ts'

describe("Theil and Sen's slope", () => {
  const line = (slope: number, noise: (x: number) => number): { x: number; y: number }[] =>
    Array.from({ length: 60 }, (_, x) => ({ x, y: 5 + slope * x + noise(x) }))

  it('is that of a line', () => {
    assert.equal(theilSenSlope(line(3, () => 0)), 3)
    assert.equal(theilSenSlope(line(0, () => 0)), 0)
  })

  it('is not moved by noise, nor by a quarter of wild samples', () => {
    const random = new Random(3)
    const noisy = line(2, (x) => random.between(-5, 5) + (x % 4 === 0 ? 10_000 : 0))
    assert.ok(Math.abs(theilSenSlope(noisy) - 2) < 1.5, `${theilSenSlope(noisy)}`)
  })

  it('is none where there are no two moments', () => {
    assert.ok(Number.isNaN(theilSenSlope([{ x: 1, y: 1 }])))
    assert.ok(
      Number.isNaN(
        theilSenSlope([
          { x: 1, y: 1 },
          { x: 1, y: 9 },
        ]),
      ),
    )
  })
})
