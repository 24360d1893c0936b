/**
 * What `GET /` says, in the shape the client asked for: a page for browsers, JSON for programs, lines for everybody else.
 *
 * The page loads nothing and runs nothing: its one style is allowed by its hash.
 */
import { createHash } from 'node:crypto'
import type { Facts } from './exchange.ts'

const STYLE = `
:root { color-scheme: light dark; --quiet: light-dark(#667, #99a); --line: light-dark(#dde, #334); --good: light-dark(#176, #5da) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto 4rem; padding: 0 1.25rem }
h1 { font-size: 2rem; margin: 0 0 .25rem }
h1 small, dt, p { color: var(--quiet); font-weight: normal }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.5rem; margin: 1.5rem 0; padding: 1rem 0; border-block: 1px solid var(--line) }
dd { margin: 0 }
.yes { color: var(--good); font-weight: 600 }
form { display: flex; gap: .5rem }
input { flex: 1; font: inherit; padding: .3rem .5rem }
button { font: inherit; padding: .3rem 1rem }
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** The page for a browser. */
export function pageHtml(facts: Facts, items: readonly string[]): string {
  const rows = describe(facts).map(([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`)
  const resumed = facts.resumed ? '<dd class="yes">yes</dd>' : '<dd>no, this was a full handshake</dd>'
  const basket = items.length === 0 ? 'empty' : items.join(', ')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(facts.node)} · Reprise</title>
<style>${STYLE}</style>
<h1>${escapeHtml(facts.node)} <small>served you</small></h1>
<p>Kill this server with <code>kill -9 ${facts.pid}</code> and open another one: you continue there.</p>
<dl><dt>TLS session resumed</dt>${resumed}${rows.join('')}<dt>Basket</dt><dd>${escapeHtml(basket)}</dd></dl>
<form method="post" action="/basket/items"><input name="item" maxlength="100" required placeholder="tea" aria-label="Item"><button>Put into the basket</button></form>
</html>
`
}

/** The same for a terminal. */
export function pageText(facts: Facts, items: readonly string[]): string {
  const lines = [
    ['served by', facts.node],
    ['TLS session resumed', facts.resumed ? 'yes' : 'no'],
    ...describe(facts),
    ['basket', items.length === 0 ? 'empty' : items.join(', ')],
  ]
  return lines.map(([term = '', text = '']) => `${term.padEnd(22)}${text}\n`).join('')
}

/** The same for a program. */
export function pageJson({ node, pid, tls, resumed, origin, lookupMs }: Facts, items: readonly string[]): object {
  return { node, pid, tls, resumed, origin, lookupMs: lookupMs ?? null, basket: items }
}

function describe({ tls, origin, lookupMs }: Facts): [string, string][] {
  const rows: [string, string][] = [
    ['where it came from', describeOrigin(origin)],
    ['protocol', tls.replace('TLSv', 'TLS ')],
  ]
  if (lookupMs !== undefined) rows.push(['found in', `${lookupMs.toFixed(2)} ms`])
  return rows
}

function describeOrigin(origin: string): string {
  if (origin === 'local') return 'this node had it'
  if (origin === 'new') return 'made here'
  return `fetched from ${origin.replace('peers:', '').replaceAll(',', ', ')}`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
