/**
 * The basket: purchase information that survives the server that took it.
 *
 * ```
 *  GET  /basket          {"items":["tea"]}
 *  POST /basket/items    {"item":"tea"}, or item=tea from a form  ->  201 {"items":["tea"]}
 * ```
 *
 * An item is acknowledged when another node has it too. Requests of one browser at one node take turns. At two nodes at
 * once the later change of the two would win, since the basket is one portion: a shop takes a lock.
 */
import { type Purchase, purchase } from '@reprise/node'
import { ITEM_CHARS_MAX, ITEM_PRICE, ITEMS_MAX } from './constants.ts'
import { accepts, type Exchange, readBody, sendJson, sendProblem, sendUnknown, setCookie } from './exchange.ts'

export async function getBasket(exchange: Exchange): Promise<void> {
  const found = await exchange.sessions.find(exchange.request.headers.cookie, purchase)
  if (found === 'unknown') return sendUnknown(exchange)
  sendJson(exchange, 200, { items: itemsOf(found?.session.get(purchase)) })
}

export async function postItem(exchange: Exchange): Promise<void> {
  const { request, response, sessions } = exchange
  const body = await readBody(exchange)
  const item = body === undefined ? undefined : parseItem(body, request.headers['content-type'] ?? '')
  if (item === undefined) return sendProblem(exchange, 400, `send {"item":"…"}, 1 to ${ITEM_CHARS_MAX} characters`)

  await sessions.inTurn(request.headers.cookie, async () => {
    const found = await sessions.findOrCreate(request.headers.cookie, purchase)
    if (found === 'unknown') return sendUnknown(exchange)
    const before = found.session.get(purchase) ?? { items: [] }
    const after = { ...before, items: [...before.items, { sku: item, quantity: 1, price: ITEM_PRICE }] }
    if (after.items.length > ITEMS_MAX) return sendProblem(exchange, 409, `the basket is full: ${ITEMS_MAX} items`)
    found.session.set(purchase, after)
    await sessions.commit(found)
    setCookie(exchange, found)
    if (!accepts(exchange, 'text/html')) return sendJson(exchange, 201, { items: itemsOf(after) })
    response.writeHead(303, { location: '/' })
    response.end()
  })
}

/** The names of what is in the basket, in the order in which it was put there. */
export function itemsOf(bought: Purchase | undefined): readonly string[] {
  return (bought?.items ?? []).map(({ sku }) => sku)
}

function parseItem(body: string, type: string): string | undefined {
  let item: unknown
  if (type.startsWith('application/x-www-form-urlencoded')) item = new URLSearchParams(body).get('item')
  else {
    try {
      item = (JSON.parse(body) as { item?: unknown } | null)?.item
    } catch {
      return undefined
    }
  }
  const isFine = typeof item === 'string' && item.isWellFormed() && item.length >= 1 && item.length <= ITEM_CHARS_MAX
  return isFine ? (item as string) : undefined
}
