/** The store under the real express and express-session. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RepriseStore } from '@reprise/stores/express-session'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import session, { type SessionOptions, Store } from 'express-session'
import { Browser } from './support/browser.ts'
import { startNode, startStore, startStores, stopAll } from './support/cluster.ts'

describe('under express-session', () => {
  const servers = new Set<Server>()

  /** An application with that store, and a browser that looks at it. */
  async function serve(
    store: Store,
    options: Partial<SessionOptions> = {},
    routes?: (app: Express) => void,
  ): Promise<Browser> {
    const app = express()
    app.use(session({ store, secret: 'of a test', resave: false, saveUninitialized: false, ...options }))
    routes?.(app)
    app.get('/add/:item', (request, response) => {
      request.session.cart ??= []
      request.session.cart.push(request.params.item)
      response.json(request.session.cart)
    })
    app.get('/cart', (request, response) => void response.json(request.session.cart ?? null))
    app.get('/login/:user', (request, response, next) => {
      request.session.regenerate((error) => {
        if (error) return next(error)
        request.session.user = request.params.user
        request.session.save((failure) => (failure ? next(failure) : response.redirect('/me')))
      })
    })
    app.get('/me', (request, response) => void response.json(request.session.user ?? null))
    app.get('/logout', (request, response, next) => {
      request.session.destroy((error) => (error ? next(error) : response.json('bye')))
    })
    app.use((error: { status?: number }, _request: Request, response: Response, _next: NextFunction) => {
      response.status(error.status ?? 500).json('sorry')
    })
    const server = app.listen(0, '127.0.0.1')
    servers.add(server)
    await once(server, 'listening')
    return new Browser(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }

  afterEach(async () => {
    for (const server of servers) server.close()
    servers.clear()
    await stopAll()
  })

  it('is a Store, with the base class that the host needs', async () => {
    assert((await startStore()) instanceof Store)
  })

  it('keeps a cart and a login, and shows the login after the redirect', async () => {
    const browser = await serve(await startStore())
    assert.deepEqual((await browser.get('/add/tea')).body, ['tea'])
    assert.deepEqual((await browser.get('/add/pot')).body, ['tea', 'pot'])
    assert.equal((await browser.get('/login/ada')).body, 'ada')
    assert.equal((await browser.get('/cart')).body, null)
    await browser.get('/logout')
    assert.equal((await browser.get('/me')).body, null)
  })

  it('makes no session of a visitor for whom nothing is kept', async () => {
    const store = await startStore()
    const browser = await serve(store)
    assert.equal((await browser.get('/me')).setsCookie, false)
    assert.equal(await store.length(), 0)
  })

  it('[R8] loses nothing of three requests at once', async () => {
    const browser = await serve(await startStore())
    await browser.get('/add/first')
    await Promise.all(['a', 'b', 'c'].map((item) => browser.clone().get(`/add/${item}`)))
    const { body } = await browser.get('/cart')
    assert(Array.isArray(body))
    assert.deepEqual(body.toSorted(), ['a', 'b', 'c', 'first'])
  })

  it('[R5] a logout stays while a request that began before it ends', async () => {
    const slow = Promise.withResolvers<void>()
    const began = Promise.withResolvers<void>()
    const store = await startStore()
    const browser = await serve(store, {}, (app) => {
      app.get('/slow', async (request, response) => {
        request.session.visits = 1
        began.resolve()
        await slow.promise
        response.json('done')
      })
    })
    await browser.get('/login/ada')
    const pending = browser.clone().get('/slow')
    await began.promise
    await browser.get('/logout')
    slow.resolve()
    assert.deepEqual(await pending.then(({ status, body }) => [status, body]), [200, 'done'])
    assert.equal((await browser.get('/me')).body, null)
    assert.equal(await store.length(), 0)
  })

  it('reload, resetMaxAge and an unset session do what they say', async () => {
    const store = await startStore()
    const browser = await serve(store, { unset: 'destroy', cookie: { maxAge: 60_000 } }, (app) => {
      app.get('/reload', (request, response, next) => {
        request.session.cart = ['not stored']
        request.session.reload((error) => {
          if (error) return next(error)
          request.session.resetMaxAge().theme = 'dark'
          response.json(request.session.cart)
        })
      })
      app.get('/unset', (request, response) => {
        delete (request as { session?: unknown }).session
        response.json('unset')
      })
    })
    await browser.get('/add/tea')
    assert.deepEqual((await browser.get('/reload')).body, ['tea'])
    const [listed] = await store.all()
    assert.deepEqual([listed?.cart, listed?.theme], [['tea'], 'dark'])
    await browser.get('/unset')
    assert.equal(await store.length(), 0)
  })

  it('keeps "remember me", set at a request that stores nothing else', async () => {
    const node = await startNode()
    const store = new RepriseStore({ node })
    const browser = await serve(store, { cookie: { maxAge: 60_000 }, rolling: true }, (app) => {
      app.get('/remember', (request, response) => {
        request.session.cookie.maxAge = 3_600_000
        response.json('remembered')
      })
    })
    await browser.get('/add/tea')
    await browser.get('/remember')
    await browser.get('/cart')
    const [listed] = await store.all()
    assert.deepEqual(listed?.cart, ['tea'])
    assert((node.local(`sess:${listed?.id}`)?.remainingMs ?? 0) > 3_500_000)
  })

  it('a read prolongs the session and writes nothing', async () => {
    const node = await startNode()
    const browser = await serve(new RepriseStore({ node }), { rolling: true, cookie: { maxAge: 60_000 } })
    await browser.get('/add/tea')
    const store = new RepriseStore({ node })
    const [id = ''] = await store.ids()
    const version = node.local(`sess:${id}`)?.version
    for (let times = 0; times < 5; times++) await browser.get('/cart')
    assert.equal(node.local(`sess:${id}`)?.version, version)
  })

  it('[R3] keeps a client logged in that comes to another server with each request', async function () {
    this.timeout(20_000)
    const stores = await startStores(3)
    const browsers = await Promise.all(stores.map((store) => serve(store)))
    for (const browser of browsers) browser.share(browsers[0] ?? browser)
    await browsers[0]?.get('/login/ada')
    const cart: string[] = []
    for (let at = 0; at < 24; at++) {
      const browser = browsers[at % 3]
      assert.equal((await browser?.get('/me'))?.body, 'ada')
      cart.push(`item ${at}`)
      assert.deepEqual((await browser?.get(`/add/item ${at}`))?.body, cart)
    }
  })

  it('answers 503 when its node has stopped, and loses no cookie', async () => {
    const browser = await serve(await startStore())
    await browser.get('/add/tea')
    await stopAll()
    const { status, setsCookie } = await browser.get('/cart')
    assert.deepEqual([status, setsCookie], [503, false])
  })

  it('passes an id from nowhere by, and a store of sessions without cookies to the application’s error handler', async () => {
    const store = await startStore()
    const browser = await serve(store)
    await browser.get('/add/tea')
    const [id = ''] = await store.ids()
    await store.set(id, { cart: ['bare'] } as never)
    assert.equal((await browser.get('/cart')).status, 500)
    await store.destroy(id)
    assert.equal((await browser.get('/cart')).body, null)
  })
})
