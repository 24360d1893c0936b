/** How long resumes took in the last five minutes, as bars. */
import { formatCount, formatMs } from '../format.ts'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { samples, snapshot } from '../live.ts'
import { sumCounts } from '../samples.ts'

export function ResumeHistogram(): Markup {
  const seen = snapshot.value
  if (seen === undefined) return null
  const { boundsSeconds, counts } = seen.stats.resumeLatency
  const recent = sumCounts(samples.value, counts.length)
  const total = recent.reduce((sum, count) => sum + count, 0)
  const highest = Math.max(1, ...recent)
  return html`
    <figure class="chart histogram">
      <figcaption>
        <span>Resume latency</span>
        <span class="key">${total === 0 ? 'none yet' : `${formatCount(total)} resumes`}</span>
      </figcaption>
      <ol>
        ${recent.map((count, index) => {
          const bound = boundsSeconds[index]
          const label = bound === undefined ? 'more' : `≤ ${formatMs(1_000 * bound)}`
          return html`
            <li key=${label} title=${`${label}: ${formatCount(count)}`}>
              <meter min="0" max=${highest} value=${count}></meter>
              <span>${label}</span>
              <b>${count === 0 ? '' : formatCount(count)}</b>
            </li>
          `
        })}
      </ol>
    </figure>
  `
}
