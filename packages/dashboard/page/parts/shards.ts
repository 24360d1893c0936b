/** Every shard as a square, coloured by how many ready holders it has of those it should have. */
import { signal } from '@preact/signals'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { snapshot } from '../live.ts'
import type { ShardStatus, Snapshot } from '../snapshot.ts'
import { wantedHolders } from '../verdict.ts'

/** The shard that is pointed at, or has the keyboard's focus. */
const shown = signal<number | undefined>(undefined)

export function Shards(): Markup {
  const seen = snapshot.value
  if (seen === undefined) return null
  const wanted = wantedHolders(seen)
  const { shards } = seen.node
  const levels = shards.map(({ readyHolders }) => levelOf(readyHolders.length, wanted))
  const countOf = (level: Level): number => levels.filter((other) => other === level).length
  const detail = shards.find(({ shard }) => shard === shown.value)
  return html`
    <section class="shards">
      <h2>Shards</h2>
      <ol class="map" aria-label=${`${countOf('full')} of ${shards.length} shards have ${wanted} ready holders`}>
        ${shards.map(
          ({ shard, state }, index) => html`
            <li
              key=${shard}
              tabindex="0"
              class=${`${levels[index]}${state === 'none' ? '' : ' mine'}${state === 'joining' ? ' joining' : ''}`}
              aria-label=${`shard ${shard}: ${shards[index]?.readyHolders.length} of ${wanted}`}
              onMouseEnter=${() => show(shard)}
              onFocus=${() => show(shard)}
              onMouseLeave=${() => show(undefined)}
              onBlur=${() => show(undefined)}
            ></li>
          `,
        )}
      </ol>
      <p class="detail" aria-live="polite">
        ${
          detail === undefined
            ? html`<span class="legend full">${countOf('full')} complete</span>
                <span class="legend short">${countOf('short')} short of ${wanted}</span>
                <span class="legend none">${countOf('none')} without a holder</span>
                <span class="legend mine">held by ${seen.name}</span>`
            : describe(detail, seen)
        }
      </p>
    </section>
  `
}

type Level = 'full' | 'short' | 'none'

function levelOf(ready: number, wanted: number): Level {
  if (ready === 0) return 'none'
  return ready < wanted ? 'short' : 'full'
}

function show(shard: number | undefined): void {
  shown.value = shard
}

function describe({ shard, readyHolders, holders, state, clean }: ShardStatus, seen: Snapshot): string {
  const names = new Map([[seen.node.nodeId, seen.name], ...seen.node.members.map(nameOf)])
  const list = (nodes: readonly string[]): string => nodes.map((node) => names.get(node) ?? 'unknown').join(', ')
  const coming = holders.filter((node) => !readyHolders.includes(node))
  const parts = [
    `Shard ${shard}: ready at ${list(readyHolders) || 'nobody'}`,
    ...(coming.length > 0 ? [`on its way to ${list(coming)}`] : []),
    ...(state === 'ready'
      ? [clean ? 'the copy here is current' : 'the copy here may lack what it has not heard of']
      : []),
  ]
  return parts.join('; ')
}

function nameOf({ nodeId, name }: { readonly nodeId: string; readonly name: string }): [string, string] {
  return [nodeId, name]
}
