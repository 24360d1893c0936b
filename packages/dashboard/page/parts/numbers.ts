/** The counters that are looked at one by one. What should be zero stands out when it is not. */
import { formatBytes, formatCount, formatMs, formatShare } from '../format.ts'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { snapshot } from '../live.ts'
import type { Snapshot } from '../snapshot.ts'

interface Tile {
  readonly label: string
  readonly value: string
  readonly note?: string
  readonly isOdd?: boolean
}

export function Numbers(): Markup {
  const seen = snapshot.value
  if (seen === undefined) return null
  return html`
    <section class="numbers">
      <h2>This node</h2>
      <dl>
        ${tilesOf(seen).map(
          ({ label, value, note, isOdd = false }) => html`
            <div key=${label} class=${isOdd ? 'odd' : ''}>
              <dt>${label}</dt>
              <dd>${value}${note !== undefined && html`<small>${note}</small>`}</dd>
            </div>
          `,
        )}
      </dl>
    </section>
  `
}

function tilesOf({ node, stats, process }: Snapshot): Tile[] {
  const { table, streams, syncs, pulls } = node
  const { resumes, resumesFrom, localReads, commits } = stats
  const local = resumesFrom.local + localReads.hit
  const found = local + resumesFrom.peers
  return [
    { label: 'Records', value: formatCount(table.records), note: `${formatCount(table.tombstones)} tombstones` },
    {
      label: 'Cache',
      value: formatBytes(table.bytes),
      note: `${formatShare(table.bytes / table.bytesMax)} of ${formatBytes(table.bytesMax)}`,
    },
    { label: 'Process', value: formatBytes(process.rssBytes), note: `heap ${formatBytes(process.heapUsedBytes)}` },
    {
      label: 'Hit ratio',
      value: found === 0 ? '–' : formatShare(local / found),
      note: `${formatCount(found)} found, ${formatCount(resumes.absent)} absent`,
    },
    {
      label: 'Unknown',
      value: formatCount(resumes.unknown),
      note: 'resumes nobody could answer',
      isOdd: resumes.unknown > 0,
    },
    {
      label: 'Commits',
      value: formatCount(commits.queued + commits.confirmed),
      note: `${formatCount(stats.drops.dropped)} drops`,
    },
    {
      label: 'Conflicts',
      value: formatCount(stats.events.conflict),
      note: 'two primaries at once',
      isOdd: stats.events.conflict > 0,
    },
    {
      label: 'Gaps',
      value: formatCount(stats.events.gap),
      note: streams.gaps > 0 ? `${formatCount(streams.gaps)} open` : 'all repaired',
      isOdd: streams.gaps > 0,
    },
    {
      label: 'Evictions',
      value: formatCount(table.evictions),
      note: `${formatCount(table.stubs)} stubs`,
      isOdd: table.evictions > 0,
    },
    {
      label: 'Ejected',
      value: formatCount(streams.ejected),
      note: 'holders too far behind',
      isOdd: streams.ejected > 0,
    },
    {
      label: 'Under way',
      value: formatCount(streams.waiting),
      note: `${pulls.underWay} pulls, ${syncs.underWay} syncs`,
    },
    {
      label: 'Event loop',
      value: formatMs(process.eventLoopDelayMs.p99),
      note: 'delay, 99th percentile',
      isOdd: process.eventLoopDelayMs.p99 > LOOP_DELAY_ODD_MS,
    },
    {
      label: 'Refused',
      value: formatCount(node.badMessages + node.droppedInputs),
      note: 'bad or too many messages',
      isOdd: node.badMessages + node.droppedInputs > 0,
    },
  ]
}

/** A loop that is held up so long delays whoever asks this node. */
const LOOP_DELAY_ODD_MS = 100
