/** Where the names of faults stand: in rows, so that no band and no name lies on another, however narrow the page. */
import type { FaultBand } from '../run-record.ts'
import { FAULTS_MAX, LABEL_CHAR_PX, NAMED_FAULTS_MAX, PLOT_PX_MIN } from './constants.ts'
import { faultName } from './fault-name.ts'
import type { TimeAxis } from './time-axis.ts'

export interface PlacedFault {
  readonly band: FaultBand
  /** From 1 on, in the order in which they began. */
  readonly number: number
  readonly name: string
  /** What stands on its band: the name, or only the number when there are many. */
  readonly label: string
  readonly row: number
  /** The label ends with the band, instead of beginning with it: there is no room to the right. */
  readonly isLabelLeft: boolean
}

/** In the order in which they began; not more than `FAULTS_MAX`. */
export function placeFaults(
  faults: readonly FaultBand[],
  memberNames: readonly string[],
  axis: TimeAxis,
): PlacedFault[] {
  const px = (atMs: number): number => ((atMs - axis.fromMs) / axis.lengthMs) * PLOT_PX_MIN
  /** Where each row is taken up to. */
  const rowEnds: number[] = []
  const chosen = faults.toSorted((one, other) => one.fromMs - other.fromMs).slice(0, FAULTS_MAX)
  return chosen.map((band, index) => {
    const name = faultName(band, memberNames)
    const label = faults.length > NAMED_FAULTS_MAX ? String(index + 1) : name
    const labelPx = label.length * LABEL_CHAR_PX + 2 * LABEL_MARGIN_PX
    const [left, right] = [px(band.fromMs), px(Math.min(band.untilMs ?? axis.toMs, axis.toMs))]
    const isLabelLeft = left + labelPx > PLOT_PX_MIN && right - labelPx >= 0
    const from = isLabelLeft ? Math.min(left, right - labelPx) : left
    const free = rowEnds.findIndex((end) => end <= from)
    const row = free === -1 ? rowEnds.length : free
    rowEnds[row] = Math.max(right, isLabelLeft ? right : left + labelPx)
    return { band, number: index + 1, name, label, row, isLabelLeft }
  })
}

const LABEL_MARGIN_PX = 6
