/** The slope of noisy samples. */
import { median } from '../bench/harness.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

/**
 * Theil and Sen's estimate: the median of the slopes between all pairs, which a quarter of wild samples hardly moves. NaN for less than two
 * moments.
 */
export function theilSenSlope(points: readonly Point[]): number {
  const slopes = points.flatMap((a, index) =>
    points.slice(index + 1).flatMap((b) => (b.x === a.x ? [] : [(b.y - a.y) / (b.x - a.x)])),
  )
  return median(slopes)
}
