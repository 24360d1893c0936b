/** In a demo: the processes, what may be done to them, and the number that stays at zero. */
import { signal } from '@preact/signals'
import { formatCount } from '../format.ts'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { authorization, mayControl, snapshot } from '../live.ts'
import type { DemoNode, Snapshot } from '../snapshot.ts'
import { wantedHolders } from '../verdict.ts'

const problem = signal<string | undefined>(undefined)

export function Demo(): Markup {
  const seen = snapshot.value
  const demo = seen?.demo
  if (seen === undefined || demo === undefined) return null
  const { nodes, resumed, lost, isPlaying } = demo
  return html`
    <section class="demo">
      <h2>Break something</h2>
      <div class="score">
        <p class=${lost === 0 ? 'lost' : 'lost odd'}><b>${formatCount(lost)}</b> sessions lost</p>
        <p><b>${formatCount(resumed)}</b> resumed</p>
      </div>
      <div class="nodes">
        <ul>
          ${nodes.map(
            (node) => html`<li key=${node.name} class=${node.state === 'up' ? '' : 'broken'}>
              <b>${node.name}</b>
              <span class=${`state ${node.state}`}>${node.state}</span>
              <span class="pid">${node.pid === null ? 'no process' : `pid ${node.pid}`}</span>
              <span class="actions">${isPlaying && mayControl && actionsOf(node).map((action) => buttonOf(action, node))}${node.state === 'down' && html`<span class="hint">is started again soon</span>`}</span>
            </li>`,
          )}
        </ul>
        <p class="hint">${hintOf(seen, isPlaying)}</p>
        ${problem.value !== undefined && html`<p role="alert">${problem.value}</p>`}
      </div>
    </section>
  `
}

interface Action {
  readonly name: 'kill' | 'stop' | 'continue' | 'cut' | 'heal'
  readonly label: string
  /** What it does, in a sentence. */
  readonly title: string
}

const KILL: Action = { name: 'kill', label: 'Kill', title: 'kill -9: its memory is gone. It is started again.' }
const STOP: Action = { name: 'stop', label: 'Stop', title: 'kill -STOP: it stands still, its connections stay open.' }
const CONTINUE: Action = { name: 'continue', label: 'Continue', title: 'kill -CONT: it goes on where it was.' }
const CUT: Action = { name: 'cut', label: 'Cut', title: 'It loses the other nodes; clients still reach it.' }
const HEAL: Action = { name: 'heal', label: 'Heal', title: 'The other nodes reach it again.' }

function actionsOf({ state }: DemoNode): readonly Action[] {
  switch (state) {
    case 'up':
      return [KILL, STOP, CUT]
    case 'stopped':
      return [KILL, CONTINUE]
    case 'cut':
      return [KILL, HEAL]
    case 'rejoining':
      return [KILL]
    default:
      return []
  }
}

function buttonOf({ name, label, title }: Action, { name: node }: DemoNode): Markup {
  return html`
    <button type="button" key=${name} title=${title} aria-label=${`${label} ${node}`} onClick=${() => void run(name, node)}>
      ${label}
    </button>
  `
}

function hintOf(seen: Snapshot, isPlaying: boolean): string {
  if (!isPlaying)
    return 'The demo breaks a node by itself now, and shows that everything continues. Then it is your turn.'
  if (!mayControl)
    return 'For the buttons, open the page at the whole address that the demo printed, with #token=… at its end.'
  return `Clients keep coming back with their sessions, each time to another node, whatever you do to the nodes. Each session is at ${wantedHolders(seen)} of them.`
}

async function run(action: Action['name'], node: string): Promise<void> {
  problem.value = undefined
  try {
    const response = await fetch(`controls/${action}`, {
      method: 'POST',
      headers: { ...authorization(), 'content-type': 'application/json', 'x-reprise-admin': '1' },
      body: JSON.stringify({ node }),
    })
    if (!response.ok) throw new Error(await reasonOf(response))
  } catch (error) {
    problem.value = `${action} ${node}: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** What the server says of a request that it refused. */
async function reasonOf(response: Response): Promise<string> {
  const { error } = (await response.json()) as { readonly error?: { readonly message: string } }
  return error?.message ?? `the server answered ${response.status}`
}
