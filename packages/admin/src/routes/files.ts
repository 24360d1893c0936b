/**
 * Files: the page with what belongs to it, and those of the program around the node.
 *
 * The page holds no data, and is there for everybody who reaches the server: it asks for the token by itself, and nothing in it
 * could be kept secret, being published.
 */
import { RequestError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Route } from '../http/router.ts'
import type { AdminExtension, Asset, Page } from '../options.ts'

export interface FileRoutesInit {
  readonly extension: AdminExtension
  readonly page: Page | undefined
}

export function fileRoutes({ extension, page }: FileRoutesInit): Route[] {
  const added = Object.entries(extension.files ?? {}).map(([path, file]): Route => {
    return { method: 'GET', path, access: 'read', answer: (exchange) => exchange.sendFile(file) }
  })
  return page === undefined ? added : [...added, ...pageRoutes(page)]
}

function pageRoutes({ index, assets, contentSecurityPolicy }: Page): Route[] {
  const send = (exchange: Exchange, asset: Asset | undefined): void => {
    if (asset === undefined) throw new RequestError(404, 'NOT_FOUND', 'there is no such file', 'see /')
    exchange.response.setHeader('content-security-policy', contentSecurityPolicy)
    exchange.response.setHeader('referrer-policy', 'no-referrer')
    exchange.sendFile(asset)
  }
  return [
    { method: 'GET', path: '/', access: 'probe', answer: (exchange) => send(exchange, index) },
    {
      method: 'GET',
      path: '/ui/*',
      access: 'probe',
      answer: (exchange, parameters) => send(exchange, assets.get(parameters.get('*') ?? '')),
    },
  ]
}
