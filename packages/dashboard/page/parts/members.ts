/** Who is here, as the node that serves the page sees it. */
import { formatCount, formatMs, shortId } from '../format.ts'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { snapshot } from '../live.ts'
import type { MemberStatus, ShardStatus, Snapshot } from '../snapshot.ts'

interface Row {
  readonly name: string
  readonly nodeId: string
  readonly zone: string
  readonly state: string
  readonly roundTrip: string
  readonly heard: string
  readonly lag: string
}

export function Members(): Markup {
  const seen = snapshot.value
  if (seen === undefined) return null
  const rows = [selfRow(seen), ...seen.node.members.filter(({ state }) => state !== 'unmet').map(memberRow)]
  const hasZones = rows.some(({ zone }) => zone !== '')
  return html`
    <section class="members">
      <h2>Members</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              ${hasZones && html`<th scope="col">Zone</th>`}
              <th scope="col" class="number">Round trip</th>
              <th scope="col" class="number">Heard</th>
              <th scope="col" class="number" title="Writes of this node that the member has not confirmed yet">Lag</th>
              <th scope="col" class="number">Ready shards</th>
              <th scope="col">Peer</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              ({ name, nodeId, zone, state, roundTrip, heard, lag }) => html`
                <tr key=${nodeId}>
                  <th scope="row">${name}</th>
                  <td><span class=${`state ${state}`}>${state}</span></td>
                  ${hasZones && html`<td>${zone}</td>`}
                  <td class="number">${roundTrip}</td>
                  <td class="number">${heard}</td>
                  <td class="number">${lag}</td>
                  <td class="number">${readyShards(seen.node.shards, nodeId)}</td>
                  <td class="peer" title=${nodeId}>${shortId(nodeId)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </section>
  `
}

function selfRow({ name, state, node }: Snapshot): Row {
  return { name, nodeId: node.nodeId, zone: '', state, roundTrip: '–', heard: 'this node', lag: '–' }
}

function memberRow({ name, nodeId, zone, state, connected, roundTripMs, heardAgoMs, lagFrames }: MemberStatus): Row {
  const isHere = state !== 'left' && state !== 'dead'
  return {
    name,
    nodeId,
    zone,
    state: isHere && !connected ? 'cut off' : state,
    roundTrip: isHere ? formatMs(roundTripMs) : '–',
    heard: isHere ? `${formatMs(heardAgoMs)} ago` : '–',
    lag: isHere ? `${formatCount(lagFrames)} frames` : '–',
  }
}

function readyShards(shards: readonly ShardStatus[], nodeId: string): string {
  return String(shards.filter(({ readyHolders }) => readyHolders.includes(nodeId)).length)
}
