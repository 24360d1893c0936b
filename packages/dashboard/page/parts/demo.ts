/** In a demo: the processes, what may be done to them, and the number that stays at zero. */
import { signal } from '@preact/signals'
import { formatCount } from '../format.ts'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { authorization, mayControl, snapshot } from '../live.ts'
import type { DemoNode } from '../snapshot.ts'

const problem = signal<string | undefined>(undefined)

export function Demo(): Markup {
  const demo = snapshot.value?.demo
  if (demo === undefined) return null
  return html`
    <section class="demo">
      <h2>Break something</h2>
      <div class="score">
        <p class=${demo.lost === 0 ? 'lost' : 'lost odd'}><b>${formatCount(demo.lost)}</b> sessions lost</p>
        <p><b>${formatCount(demo.resumed)}</b> resumed</p>
      </div>
      <ul>
        ${demo.nodes.map(
          (node) => html`<li key=${node.name}>
            <span class="name">${node.name}</span>
            <span class=${`state ${node.state}`}>${node.state}</span>
            <span class="actions">${
              mayControl &&
              actionsOf(node).map(
                ({ name, label }) => html`
                <button type="button" key=${name} onClick=${() => void run(name, node.name)}>${label}</button>
              `,
              )
            }</span>
          </li>`,
        )}
      </ul>
      ${problem.value !== undefined && html`<p role="alert">${problem.value}</p>`}
    </section>
  `
}

interface Action {
  readonly name: 'kill' | 'stop' | 'continue' | 'cut' | 'heal'
  readonly label: string
}

const KILL: Action = { name: 'kill', label: 'Kill' }

function actionsOf({ state }: DemoNode): readonly Action[] {
  switch (state) {
    case 'up':
      return [KILL, { name: 'stop', label: 'Stop' }, { name: 'cut', label: 'Cut' }]
    case 'stopped':
      return [KILL, { name: 'continue', label: 'Continue' }]
    case 'cut':
      return [KILL, { name: 'heal', label: 'Heal' }]
    default:
      return []
  }
}

async function run(action: Action['name'], node: string): Promise<void> {
  problem.value = undefined
  try {
    const response = await fetch(`controls/${action}`, {
      method: 'POST',
      headers: { ...authorization(), 'content-type': 'application/json', 'x-reprise-admin': '1' },
      body: JSON.stringify({ node }),
    })
    if (!response.ok) throw new Error(`the server answered ${response.status}`)
  } catch (error) {
    problem.value = `${action} ${node}: ${error instanceof Error ? error.message : String(error)}`
  }
}
