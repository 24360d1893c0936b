/** Sizes of a report: what bounds the page, whatever a run recorded, and where things lie in a lane. */

/** The width of the drawing in units of its own; it is stretched to the page. At the highest zoom a unit is under two pixels. */
export const X_UNITS = 10_000

/** Moments that are told apart in the states, the lag and the reachability of a member. More are not seen at the highest zoom. */
export const COLUMNS_MAX = 800
/** Of all members together: a big cluster is told with fewer moments. Each costs the page some 8 bytes. */
export const CELLS_MAX = 60_000

/** Bars of the strip of operations per second: so many at most, and none shorter than this, which would show chance. */
export const BARS_MAX = 200
export const BAR_MS_MIN = 250

/** Operations that went well, as drawn: above it, those that lie closer together become one. Each costs some 8 bytes. */
export const DOTS_MAX = 60_000
/** Operations that failed or are unknown, and say so when pointed at; the others are drawn, and no more. Each costs some 250 bytes. */
export const NAMED_DOTS_MAX = 2_000

/** States other than ready that have their names, of all members together: of those that come and go all the time. Each costs 200 bytes. */
export const NAMED_STATES_MAX = 4_000

/** Violations that are listed and marked; the others are counted. Each costs up to 1 KB. */
export const VIOLATIONS_MAX = 200
/** Faults that are listed and drawn; the others are counted. Each costs up to 2 KB in its row, band and shades. */
export const FAULTS_MAX = 200
/** Faults that are drawn with their names; more have their numbers. */
export const NAMED_FAULTS_MAX = 40
/** Members that one fault shades, so that a fault on all links costs no more than others. */
export const SHADES_MAX = 64

/** Characters of a text that comes from the run: an error, what a violation says. */
export const TEXT_MAX = 600
/** Characters of the scenario as data. */
export const SCENARIO_TEXT_MAX = 40_000

/** Zooms of the time line, in multiples of the page's width. */
export const ZOOMS: readonly number[] = [1, 2, 4, 8, 16]

/** The least width at which the time line is drawn, in pixels: narrower pages scroll. Labels are laid out for it. */
export const PLOT_PX_MIN = 720
/** A character of a label, at its size of 11 pixels: somewhat more than the widest of usual system fonts needs. */
export const LABEL_CHAR_PX = 6.4
export const FAULT_ROW_PX = 20

/** The strip above the lanes. */
export const RATE_PX = 64

/** A lane from top to bottom, in pixels: state, members it does not reach, lag, operations by their latency. */
export const LANE = {
  height: 146,
  state: { y: 8, height: 12 },
  unreached: { y: 22, height: 12 },
  lag: { y: 38, height: 34 },
  operations: { y: 78, height: 58 },
} as const

/** The scale of latencies is logarithmic, from here to there; what is beyond lies at the edge. */
export const LATENCY_MS_MIN = 0.1
export const LATENCY_MS_MAX = 10_000
