import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Page } from '@reprise/dashboard'
import { loadPage } from '@reprise/dashboard'

describe('page', () => {
  let page: Page

  before(async () => {
    page = await loadPage()
  })

  const text = (path: string): string => Buffer.from(page.assets.get(path)?.body ?? []).toString('utf8')
  const index = (): string => Buffer.from(page.index.body).toString('utf8')

  it('has every file that the index names', () => {
    const links = [...index().matchAll(/(?:href|src)="ui\/([^"]+)"/g)].map(([, path]) => path ?? '')
    assert.ok(links.length >= 4)
    for (const path of links) assert.ok(page.assets.has(path), path)
  })

  it('has every module that a module imports, by way or by the import map', () => {
    const { imports } = JSON.parse(/<script type="importmap">(.*?)<\/script>/.exec(index())?.[1] ?? '') as {
      imports: Record<string, string>
    }
    const modules = [...page.assets].filter(([, { type }]) => type.startsWith('text/javascript'))
    assert.ok(modules.length > 15)
    for (const [path] of modules) {
      for (const [, specifier = ''] of text(path).matchAll(/^(?:import|export)[^'"]*?from ?['"]([^'"]+)['"]/gm)) {
        const target = specifier.startsWith('.')
          ? new URL(specifier, `http://host/${path}`).pathname.slice(1)
          : imports[specifier]?.replace('./ui/', '')
        assert.ok(target !== undefined && page.assets.has(target), `${path} imports ${specifier}`)
      }
    }
  })

  it('allows the inline import map by its hash, and scripts and styles of the server alone', () => {
    const map = /<script type="importmap">(.*?)<\/script>/.exec(index())?.[1] ?? ''
    const hash = createHash('sha256').update(map).digest('base64')
    assert.ok(page.contentSecurityPolicy.includes(`'sha256-${hash}'`))
    assert.ok(page.contentSecurityPolicy.startsWith("default-src 'none'"))
    assert.doesNotMatch(page.contentSecurityPolicy, /unsafe|\*|https?:/)
    assert.doesNotMatch(index(), /\s(?:style|on\w+)="/)
  })

  it('serves JavaScript, whatever it was written in', () => {
    assert.doesNotMatch(text('format.ts') || text('format.js'), /: number|: string/)
  })
})
