/** The store under the real fastify and @fastify/session. */
import assert from 'node:assert/strict'
import fastifyCookie from '@fastify/cookie'
import fastifySession, { type FastifySessionOptions } from '@fastify/session'
import type { Node } from '@reprise/node'
import { RepriseStore } from '@reprise/stores/fastify-session'
import Fastify, { type FastifyInstance } from 'fastify'
import { Browser } from './support/browser.ts'
import { startNode, stopAll } from './support/cluster.ts'

declare module 'fastify' {
  interface Session {
    cart?: string[]
    user?: string
    visits?: number
  }
}

describe('under @fastify/session', () => {
  const apps = new Set<FastifyInstance>()

  async function serve(
    node: Node,
    options: Partial<FastifySessionOptions> = {},
    routes?: (app: FastifyInstance) => void,
  ): Promise<{ browser: Browser; store: RepriseStore }> {
    const store = new RepriseStore({ node, tag: ({ user }) => user })
    const app = Fastify()
    apps.add(app)
    await app.register(fastifyCookie)
    const secret = 'a secret of a test that has thirty-two characters'
    await app.register(fastifySession, { store, secret, cookie: { secure: false, maxAge: 60_000 }, ...options })
    app.get<{ Params: { item: string } }>('/add/:item', async ({ session, params }) => {
      session.cart = [...(session.cart ?? []), params.item]
      return session.cart
    })
    app.get('/cart', async ({ session }) => session.cart ?? [])
    app.get<{ Params: { user: string } }>('/login/:user', async ({ session, params }, reply) => {
      session.user = params.user
      await session.regenerate(['user'])
      return reply.redirect('/me')
    })
    app.get('/me', async ({ session }) => ({ user: session.user }))
    app.get('/logout', async ({ session }) => {
      await session.destroy()
      return 'bye'
    })
    routes?.(app)
    const address = await app.listen({ host: '127.0.0.1', port: 0 })
    return { store, browser: new Browser(address) }
  }

  afterEach(async () => {
    await Promise.all([...apps].map((app) => app.close()))
    apps.clear()
    await stopAll()
  })

  it('keeps a cart and a login, and shows the login after the redirect', async () => {
    const { browser, store } = await serve(await startNode())
    assert.deepEqual((await browser.get('/add/tea')).body, ['tea'])
    assert.deepEqual((await browser.get('/add/pot')).body, ['tea', 'pot'])
    assert.deepEqual((await browser.get('/login/ada')).body, { user: 'ada' })
    assert.deepEqual((await browser.get('/cart')).body, [])
    assert.equal((await store.listByTag('ada')).length, 1)
    await browser.get('/logout')
    assert.deepEqual((await browser.get('/me')).body, {})
  })

  it('makes a touch of the set with which a read ends by default', async () => {
    const node = await startNode()
    const { browser, store } = await serve(node)
    await browser.get('/add/tea')
    const [id] = await store.ids()
    const version = node.local(`sess:${id}`)?.version
    for (let times = 0; times < 5; times++) await browser.get('/cart')
    assert.deepEqual(await store.ids(), [id])
    assert.equal(node.local(`sess:${id}`)?.version, version)
  })

  it('[R8] loses nothing of three requests at once', async () => {
    const { browser } = await serve(await startNode())
    await browser.get('/add/first')
    await Promise.all(['a', 'b', 'c'].map((item) => browser.clone().get(`/add/${item}`)))
    const { body } = await browser.get('/cart')
    assert(Array.isArray(body))
    assert.deepEqual(body.toSorted(), ['a', 'b', 'c', 'first'])
  })

  it('[R5] a logout stays while a request that began before it ends', async () => {
    const slow = Promise.withResolvers<void>()
    const began = Promise.withResolvers<void>()
    const { browser, store } = await serve(await startNode(), { saveUninitialized: false }, (app) => {
      app.get('/slow', async ({ session }) => {
        session.visits = 1
        began.resolve()
        await slow.promise
        return 'done'
      })
    })
    await browser.get('/login/ada')
    const pending = browser.clone().get('/slow')
    await began.promise
    await browser.get('/logout')
    slow.resolve()
    assert.equal((await pending).status, 200)
    assert.equal(await store.length(), 0)
  })

  it('answers 503 when its node has stopped', async () => {
    const { browser } = await serve(await startNode())
    await browser.get('/add/tea')
    await stopAll()
    assert.equal((await browser.get('/cart')).status, 503)
  })

  it('shows nothing of how it finds back to what was loaded, and calls back like any store', async () => {
    const { store } = await serve(await startNode())
    await store.set('a', { cookie: { originalMaxAge: 60_000 }, user: 'ada' })
    const found = await store.get('a')
    assert.equal(JSON.stringify({ ...found, cookie: 0 }), '{"user":"ada","cookie":0}')
    const called = await new Promise((resolve) => store.get('a', (error, session) => resolve([error, session?.user])))
    assert.deepEqual(called, [null, 'ada'])
    await store.touch('a', { cookie: { originalMaxAge: 60_000 } })
    assert.equal(await store.length(), 1)
    assert.equal((await store.all())[0]?.user, 'ada')
    assert.equal(await store.dropByTag('ada'), 1)
    await store.clear()
  })
})
