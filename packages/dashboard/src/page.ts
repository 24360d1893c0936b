/**
 * Gathers the files of the page: its own from the directory beside this one, its libraries from where npm put them.
 *
 * ```
 *  /                     index.html, with the import map
 *  /ui/main.js …         the modules of `page/`
 *  /ui/vendor/…          the libraries that the import map names
 * ```
 *
 * Built, the modules are JavaScript. In a clone, where nothing is built, they are TypeScript, whose types Node takes away.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, extname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file to be served as it is. */
export interface Asset {
  /** Its media type. */
  readonly type: string
  readonly body: Uint8Array
  /** Changes with the body; with quotation marks, as the header wants it. */
  readonly etag: string
}

/** All that a server needs. */
export interface Page {
  /** What `/` shows. Its links are relative, so it may be served at any path that ends with a slash. */
  readonly index: Asset
  /** By path below `ui/`, which lies beside the index: `style.css` is `ui/style.css`. */
  readonly assets: ReadonlyMap<string, Asset>
  /** The `content-security-policy` that the index must be served with: it allows nothing but what is here. */
  readonly contentSecurityPolicy: string
}

const UPLOT = 'uplot/dist/uPlot.esm.js'

/** The libraries by the specifiers under which the modules, and they themselves, import them; and where npm finds each. */
const LIBRARIES = [
  ['preact', 'preact'],
  ['preact/hooks', 'preact/hooks'],
  ['@preact/signals', '@preact/signals'],
  ['@preact/signals-core', '@preact/signals-core'],
  ['htm', 'htm'],
  ['htm/preact', 'htm/preact'],
  // Its manifest names its CommonJS file alone.
  ['uplot', UPLOT],
] as const

const isSource = import.meta.url.endsWith('.ts')
/** Where the files are that are served as they were written; `src` and `dist` lie equally deep. */
const statics = new URL('../page/', import.meta.url)
const modules = isSource ? statics : new URL('./page/', import.meta.url)

const EMPTY_MAP = '<script type="importmap">{}</script>'

/**
 * Read the page, once; a server keeps it.
 * @throws whatever reading a file throws, when the package is not installed whole.
 */
export async function loadPage(): Promise<Page> {
  const assets = new Map<string, Asset>()
  for (const [name, type] of STATICS) assets.set(name, asset(type, await readFile(new URL(name, statics))))
  for (const name of await readdir(modules, { recursive: true })) {
    if (extname(name) !== (isSource ? '.ts' : '.js')) continue
    assets.set(name.replaceAll(sep, '/'), asset(SCRIPT, await readModule(name)))
  }
  const imports: Record<string, string> = {}
  for (const [specifier, found] of LIBRARIES) {
    const path = `vendor/${specifier.replaceAll(/\W+/g, '-').replace(/^-/, '')}.js`
    imports[specifier] = `./ui/${path}`
    assets.set(path, asset(SCRIPT, await readFile(libraryFile(found))))
  }
  const uplotStyle = join(dirname(libraryFile(UPLOT)), 'uPlot.min.css')
  assets.set('vendor/uplot.css', asset(STYLE, await readFile(uplotStyle)))

  const importMap = JSON.stringify({ imports })
  const template = await readFile(new URL('index.html', statics), 'utf8')
  const withMap = template.replace(EMPTY_MAP, `<script type="importmap">${importMap}</script>`)
  const html = isSource ? withMap.replace('ui/main.js', 'ui/main.ts') : withMap
  return {
    index: asset('text/html; charset=utf-8', Buffer.from(html)),
    assets,
    contentSecurityPolicy: policyFor(importMap),
  }
}

function policyFor(importMap: string): string {
  const hash = createHash('sha256').update(importMap).digest('base64')
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

const SCRIPT = 'text/javascript; charset=utf-8'
const STYLE = 'text/css; charset=utf-8'

/** The files besides the modules; the index is made from its template. */
const STATICS = [
  ['style.css', STYLE],
  ['favicon.svg', 'image/svg+xml'],
] as const

async function readModule(name: string): Promise<Uint8Array> {
  const body = await readFile(new URL(name, modules))
  if (!isSource) return body
  return Buffer.from(await stripTypes(body.toString('utf8')))
}

/** Node's own, without its warning that it is experimental: this is for clones, whose Node is pinned. */
async function stripTypes(code: string): Promise<string> {
  const { stripTypeScriptTypes } = await import('node:module')
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(code)
  } finally {
    process.emitWarning = emitWarning
  }
}

/** The file that a browser shall load for a specifier. */
function libraryFile(specifier: string): string {
  return fileURLToPath(import.meta.resolve(specifier))
}

function asset(type: string, body: Uint8Array): Asset {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return { type, body, etag }
}
