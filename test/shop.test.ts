/** The example `examples/shop`, as its README says: clients fill carts through the proxy, and a server is killed in the middle. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { rootDirectory } from '../scripts/workspaces.ts'

const CLIENTS = 6
const ITEMS_EACH = 20

interface Shop {
  readonly origin: string
  readonly servers: readonly { readonly name: string; readonly pid: number; readonly port: number }[]
}

interface Cart {
  readonly user: string | null
  readonly items: readonly string[]
}

/** Somebody with a browser, who is logged in and knows what the shop said is in the cart. */
class Customer {
  readonly name: string
  readonly acknowledged: string[] = []
  #cookie = ''

  constructor(name: string) {
    this.name = name
  }

  async login(origin: string): Promise<void> {
    await this.#send(origin, 'POST', `/login/${this.name}`)
  }

  async logout(origin: string): Promise<void> {
    await this.#send(origin, 'POST', '/logout')
  }

  async add(origin: string, item: string): Promise<void> {
    await this.#send(origin, 'PUT', `/cart/${item}`)
    this.acknowledged.push(item)
  }

  async cart(origin: string): Promise<Cart> {
    return (await this.#send(origin, 'GET', '/cart')) as Cart
  }

  /** Ask, and ask again when the answer breaks off, as it does when the server is killed while it answers. */
  async #send(origin: string, method: string, path: string): Promise<unknown> {
    try {
      return await this.#sendOnce(origin, method, path)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      return await this.#sendOnce(origin, method, path)
    }
  }

  async #sendOnce(origin: string, method: string, path: string): Promise<unknown> {
    const response = await fetch(origin + path, { method, headers: { cookie: this.#cookie, connection: 'close' } })
    const [cookie] = response.headers.getSetCookie()
    if (cookie !== undefined) this.#cookie = cookie.split(';', 1)[0] ?? ''
    assert.equal(response.status, 200, `${method} ${path}`)
    return await response.json()
  }
}

describe('examples/shop', function () {
  this.timeout(60_000)
  let process_: ChildProcessByStdio<Writable, Readable, null>
  let shop: Shop

  before(async () => {
    const { NODE_OPTIONS: _, ...env } = process.env
    const start = join(rootDirectory, 'examples/shop/start.js')
    process_ = spawn(process.execPath, [start, '--json'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    const [line] = await once(createInterface(process_.stdout), 'line')
    shop = JSON.parse(line)
  })

  after(async () => {
    if (process_.exitCode !== null) return
    const gone = once(process_, 'exit')
    process_.stdin.end()
    await gone
  })

  it('[R8] [R3] loses no item and no login when a server is killed while carts are filled', async () => {
    const { origin, servers } = shop
    const [victim, ...survivors] = servers
    assert(victim !== undefined && survivors.length === 2)
    const customers = Array.from({ length: CLIENTS }, (_, at) => new Customer(`customer-${at}`))

    await Promise.all(customers.map((customer) => customer.login(origin)))
    // Several tabs at once, at several servers: what two of them wrote at the same moment is merged a moment later.
    await Promise.all(customers.flatMap((customer) => ['a', 'b', 'c'].map((item) => customer.add(origin, item))))
    for (const customer of customers) await isWhole(customer, [origin])

    let added = 0
    const killed = once(process_, 'killed-in-the-middle')
    const killAt = (CLIENTS * ITEMS_EACH) / 2
    await Promise.all([
      killed,
      ...customers.map(async (customer) => {
        for (let item = 0; item < ITEMS_EACH; item++) {
          await customer.add(origin, `item-${item}`)
          if (++added !== killAt) continue
          process.kill(victim.pid, 'SIGKILL')
          process_.emit('killed-in-the-middle')
        }
      }),
    ])

    await assert.rejects(fetch(`http://127.0.0.1:${victim.port}/cart`), 'the server is gone')
    // Also while nobody has noticed for certain that it is dead, somebody new can come, and somebody can leave.
    const newcomer = new Customer('newcomer')
    await newcomer.login(origin)
    await newcomer.add(origin, 'tea')
    await newcomer.logout(origin)
    assert.deepEqual(await newcomer.cart(origin), { user: null, items: [] })
    await newcomer.login(origin)
    await newcomer.add(origin, 'pot')
    customers.push(newcomer)
    newcomer.acknowledged.splice(0, 1)

    const origins = survivors.map(({ port }) => `http://127.0.0.1:${port}`)
    for (const customer of customers) {
      for (const at of [origin, ...origins]) {
        const { user, items } = await customer.cart(at)
        assert.equal(user, customer.name)
        assert.deepEqual(items.toSorted(), customer.acknowledged.toSorted())
      }
    }
  })
})

/** Wait until the cart has what was acknowledged; the test's own time limit bounds it. */
async function isWhole(customer: Customer, origins: readonly string[]): Promise<void> {
  for (const origin of origins) {
    for (;;) {
      const { items } = await customer.cart(origin)
      if (customer.acknowledged.every((item) => items.includes(item))) break
    }
  }
}
