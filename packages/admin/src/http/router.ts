/**
 * Which route answers a path: a table, looked up by the path's segments. A segment `:name` matches any one segment, and `*` at the
 * end everything below.
 */
import { UsageError } from '@reprise/core'
import { RequestError } from '../errors.ts'
import type { Access } from './access.ts'
import type { Exchange } from './exchange.ts'

/** One line of the table. GET answers HEAD too. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly access: Access
  answer(exchange: Exchange, parameters: Parameters): void | Promise<void>
}

/** What stood for `:name` and `*`, percent-decoded, by name. */
export type Parameters = ReadonlyMap<string, string>

export interface Match {
  readonly route: Route
  readonly parameters: Parameters
}

export class Router {
  readonly #routes: readonly { readonly route: Route; readonly segments: readonly string[] }[]

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/') }))
  }

  /** @throws RequestError when there is no such path, or another method would be right; UsageError when it is no path. */
  match(method: string, path: string): Match {
    const wanted = method === 'HEAD' ? 'GET' : method
    const segments = path.split('/')
    const allowed = new Set<string>()
    for (const { route, segments: pattern } of this.#routes) {
      const parameters = matched(pattern, segments)
      if (parameters === undefined) continue
      if (route.method === wanted) return { route, parameters }
      allowed.add(route.method)
    }
    if (allowed.size === 0)
      throw new RequestError(404, 'NOT_FOUND', 'there is nothing here', 'see / or the README for what is')
    throw new RequestError(
      405,
      'METHOD',
      `there is no ${METHODS.has(method) ? method : 'such method'} here`,
      `use ${[...allowed].join(' or ')}`,
    )
  }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])

function matched(pattern: readonly string[], segments: readonly string[]): Parameters | undefined {
  const isOpen = pattern.at(-1) === '*'
  if (isOpen ? segments.length < pattern.length : segments.length !== pattern.length) return undefined
  const parameters = new Map<string, string>()
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i] ?? ''
    if (part === '*') parameters.set('*', decode(segments.slice(i).join('/')))
    else if (part.startsWith(':') && segment !== '') parameters.set(part.slice(1), decode(segment))
    else if (part !== segment) return undefined
  }
  return parameters
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new UsageError('the path has a percent sign that stands for nothing; encode it as utf-8', { cause })
  }
}
