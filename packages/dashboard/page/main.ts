/** The page: what it is made of, in the order in which it is read. */
import { render } from 'preact'
import type { Markup } from './html.ts'
import { html } from './html.ts'
import { link, listen, snapshot } from './live.ts'
import { Charts } from './parts/charts.ts'
import { Check } from './parts/check.ts'
import { Demo } from './parts/demo.ts'
import { Feed } from './parts/feed.ts'
import { Header } from './parts/header.ts'
import { Members } from './parts/members.ts'
import { Numbers } from './parts/numbers.ts'
import { Shards } from './parts/shards.ts'

function Page(): Markup {
  return html`
    <${Header} />
    <main class=${link.value === 'live' ? '' : 'stale'}>
      ${
        snapshot.value !== undefined &&
        html`
          <${Demo} />
          <${Members} />
          <${Shards} />
          <${Numbers} />
          <${Charts} />
          <${Check} />
          <${Feed} />
        `
      }
    </main>
  `
}

render(html`<${Page} />`, document.body)
void listen(new AbortController().signal)
