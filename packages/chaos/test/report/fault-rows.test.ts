import assert from 'node:assert/strict'
import { LABEL_CHAR_PX, PLOT_PX_MIN } from '../../src/report/constants.ts'
import { placeFaults } from '../../src/report/fault-rows.ts'
import { TimeAxis } from '../../src/report/time-axis.ts'
import type { FaultBand } from '../../src/run-record.ts'

const AXIS = new TimeAxis({ fromMs: 0, toMs: 100_000 })

const kill = (fromMs: number, untilMs: number | undefined): FaultBand => ({
  fault: { kind: 'kill', nodes: [0] },
  nodes: [0],
  fromMs,
  untilMs,
})

describe('placeFaults', () => {
  const place = (faults: readonly FaultBand[], name = 'a') => placeFaults(faults, [name], AXIS)

  it('numbers them as they begin, and gives a row to those that do not meet', () => {
    const placed = place([kill(60_000, 70_000), kill(0, 10_000), kill(30_000, 45_000), kill(5_000, 29_000)])
    assert.deepEqual(
      placed.map(({ number, row, band }) => [number, row, band.fromMs]),
      [
        [1, 0, 0],
        [2, 1, 5_000],
        [3, 0, 30_000],
        [4, 0, 60_000],
      ],
    )
  })

  it('keeps names apart where bands are short', () => {
    const placed = place([kill(0, 0), kill(1_000, 1_000), kill(90_000, 90_000)], 'a-long-name-of-a-member')
    assert.deepEqual(
      placed.map(({ row }) => row),
      [0, 1, 0],
    )
  })

  it('turns a name that has no room to the right, and lets no two overlap', () => {
    const placed = place(Array.from({ length: 30 }, (_, index) => kill(index * 3_400, index * 3_400 + 200)))
    assert.equal(placed.at(-1)?.isLabelLeft, true)
    const extents = placed.map(({ band, label, row, isLabelLeft }) => {
      const px = (atMs: number): number => (atMs / AXIS.lengthMs) * PLOT_PX_MIN
      const labelPx = label.length * LABEL_CHAR_PX
      const [left, right] = [px(band.fromMs), px(band.untilMs ?? AXIS.toMs)]
      return { row, from: isLabelLeft ? right - labelPx : left, until: isLabelLeft ? right : left + labelPx }
    })
    for (const [index, one] of extents.entries()) {
      assert.ok(one.from >= 0 && one.until <= PLOT_PX_MIN)
      for (const other of extents.slice(index + 1)) {
        assert.ok(one.row !== other.row || one.until <= other.from || other.until <= one.from)
      }
    }
  })

  it('uses numbers instead of names when there are many', () => {
    const placed = place(Array.from({ length: 41 }, (_, index) => kill(index * 1_000, index * 1_000)))
    assert.equal(placed[40]?.label, '41')
    assert.equal(placed[40]?.name, 'kill a')
  })
})
