/** The last five minutes. */
import { formatBytes, formatMs, formatRate, formatShare } from '../format.ts'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import type { ChartProps } from './chart.ts'
import { Chart } from './chart.ts'
import { ResumeHistogram } from './resume-histogram.ts'

const CHARTS: readonly ChartProps[] = [
  {
    title: 'Sessions',
    format: formatRate,
    floor: 5,
    series: [
      { label: 'commits', colour: 'blue', read: ({ commits }) => commits },
      { label: 'resumed here', colour: 'green', read: ({ resumesLocal }) => resumesLocal },
      { label: 'from peers', colour: 'orange', read: ({ resumesPeers }) => resumesPeers },
    ],
  },
  {
    title: 'Hit ratio',
    format: formatShare,
    floor: 1,
    series: [{ label: 'resumed without asking', colour: 'green', read: ({ hitRatio }) => hitRatio }],
  },
  {
    title: 'Streams',
    format: formatRate,
    floor: 5,
    series: [
      { label: 'gaps', colour: 'orange', read: ({ gaps }) => gaps },
      { label: 'repairs sent', colour: 'blue', read: ({ repairs }) => repairs },
    ],
  },
  {
    title: 'Cache',
    format: formatBytes,
    floor: 65_536,
    steps: Array.from({ length: 36 }, (_, power) => 2 ** power),
    series: [{ label: 'used', colour: 'blue', read: ({ cacheBytes }) => cacheBytes }],
  },
  {
    title: 'Event loop delay',
    format: formatMs,
    floor: 20,
    series: [{ label: '99th percentile', colour: 'orange', read: ({ loopDelayMs }) => loopDelayMs }],
  },
]

export function Charts(): Markup {
  return html`
    <section class="charts">
      <h2>Last five minutes</h2>
      <div class="strips">
        ${CHARTS.map((chart) => html`<${Chart} key=${chart.title} ...${chart} />`)}
        <${ResumeHistogram} />
      </div>
    </section>
  `
}
