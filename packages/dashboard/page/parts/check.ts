/** Asks every holder for its digests, and says whether all copies are equal. */
import { signal } from '@preact/signals'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { authorization } from '../live.ts'

interface Report {
  readonly verdict: 'ok' | 'warning' | 'critical'
  readonly checkedShards: number
  readonly reasons: readonly string[]
}

const report = signal<Report | undefined>(undefined)
const problem = signal<string | undefined>(undefined)
const isAsking = signal(false)

export function Check(): Markup {
  return html`
    <section class="check">
      <h2>Check</h2>
      <p>
        <button type="button" disabled=${isAsking.value} onClick=${() => void ask()}>
          ${isAsking.value ? 'Comparing…' : 'Compare all copies'}
        </button>
        ${' '}${problem.value ?? (report.value === undefined ? 'Asks every holder for the digests of what it holds.' : '')}
      </p>
      ${
        report.value !== undefined &&
        html`<p class=${`verdict ${report.value.verdict}`} role="status">
            ${report.value.verdict === 'ok' ? `All copies of ${report.value.checkedShards} shards are equal` : report.value.verdict}
          </p>
          <ul>
            ${report.value.reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}
          </ul>`
      }
    </section>
  `
}

async function ask(): Promise<void> {
  isAsking.value = true
  problem.value = undefined
  try {
    const response = await fetch('check', { headers: authorization() })
    if (!response.ok) throw new Error(`the node answered ${response.status}`)
    report.value = (await response.json()) as Report
  } catch (error) {
    problem.value = `It could not be asked: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    isAsking.value = false
  }
}
