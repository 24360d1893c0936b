/**
 * The page that a node shows about its cluster, as files in memory for whatever server the node has.
 *
 * It needs no build step: the browser loads the modules as they are, and finds the libraries through an import map. Scripts
 * and styles come from the server itself and from nowhere else, as the content security policy of each page says.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { loadPage } from '@reprise/dashboard'
 *
 * const { index, assets } = await loadPage()
 * console.log(index.type) // text/html; charset=utf-8
 * console.log(assets.has('style.css')) // true
 * ```
 */
export type { Asset, Page } from './page.ts'
export { loadPage } from './page.ts'
