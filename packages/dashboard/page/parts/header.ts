/** The top: which cluster, how it is, and from where that is seen. */
import { formatDuration } from '../format.ts'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { link, snapshot } from '../live.ts'
import { verdictOf } from '../verdict.ts'

const SIGNS = { ok: '●', warning: '▲', critical: '✕', unknown: '○' } as const

export function Header(): Markup {
  const seen = snapshot.value
  const { level, text } = verdictOf(link.value, seen)
  return html`
    <header>
      <h1><img src="ui/favicon.svg" alt="" width="28" height="28" /> Reprise</h1>
      <p class=${`verdict ${level}`} role="status"><span aria-hidden="true">${SIGNS[level]}</span> ${text}</p>
      ${
        seen !== undefined &&
        html`<p class="origin">
          seen from <b>${seen.name}</b>, up ${formatDuration(seen.uptimeMs)}, version ${seen.version}
        </p>`
      }
    </header>
  `
}
