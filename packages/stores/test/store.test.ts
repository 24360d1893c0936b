/** What a store promises by itself, on one node, whoever calls it. */
import assert from 'node:assert/strict'
import { RepriseStore, StoreOptionError, StoreUnavailableError } from '@reprise/stores/express-session'
import { startNode, startStore, stopAll, until } from './support/cluster.ts'
import { sessionWith, there } from './support/sessions.ts'

describe('the store', () => {
  afterEach(stopAll)

  it('returns promises without callbacks, and calls back exactly once with them', async () => {
    const store = await startStore({ tag: (session) => session.user })
    await store.set('a', sessionWith({ user: 'ada' }))
    const calls: [string, unknown, unknown][] = []
    const note = (name: string) => (error?: unknown, result?: unknown) => calls.push([name, error, result])
    store.get('a', note('get'))
    store.set('b', sessionWith(), note('set'))
    store.touch('a', sessionWith(), note('touch'))
    store.length(note('length'))
    store.ids(note('ids'))
    store.all(note('all'))
    store.listByTag('ada', note('listByTag'))
    await until(() => calls.length === 7)
    store.dropByTag('ada', note('dropByTag'))
    store.destroy('b', note('destroy'))
    store.clear(note('clear'))
    await until(() => calls.length === 10)
    await until(async () => (await store.length()) === 0)
    assert.equal(calls.length, 10)
    assert.deepEqual(new Set(calls.map(([name]) => name)).size, 10)
    for (const [name, error] of calls) assert(error === null || error === undefined, name)
    store.set('c', sessionWith())
    store.destroy('c')
    store.clear()
    await until(async () => (await store.length()) === 0)
  })

  it('leaves to the process what a callback throws', async () => {
    const store = await startStore()
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    try {
      const caught = new Promise((resolve) => process.once('uncaughtException', resolve))
      const error = new Error('of the application')
      store.get('a', () => {
        throw error
      })
      assert.equal(await caught, error)
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })

  it('has null for what is not there, and hands up what has no cookie', async () => {
    const store = await startStore()
    assert.equal(await store.get('nobody'), null)
    const bare = { theme: 'dark' } as Parameters<typeof store.set>[1]
    await store.set('bare', bare)
    assert.deepEqual(await store.get('bare'), { theme: 'dark' })
  })

  it('gives back what was stored, as JSON keeps it, cookie included', async () => {
    const store = await startStore()
    const given = sessionWith({ user: 'ada', items: [{ sku: 'tea', quantity: 2 }] })
    await store.set('a', given)
    const { cookie, ...data } = there(await store.get('a'))
    assert.deepEqual(data, { user: 'ada', items: [{ sku: 'tea', quantity: 2 }] })
    assert.equal(cookie.path, '/')
    assert.equal(cookie.originalMaxAge, 60_000)
    assert(cookie.expires instanceof Date && cookie.expires.valueOf() > Date.now() + 50_000)
  })

  it('keeps keys that mean something to JavaScript, and lets no prototype in', async () => {
    const store = await startStore()
    const data = JSON.parse('{"__proto__":{"admin":true},"constructor":1,"toString":"x","":2,"@":3}')
    await store.set('a', Object.assign(sessionWith(), data))
    const found = there(await store.get('a')) as unknown as Record<string, unknown>
    assert.equal(Object.getPrototypeOf(found), Object.prototype)
    assert.equal(found['admin'], undefined)
    assert.deepEqual([found['constructor'], found['toString'], found[''], found['@']], [1, 'x', 2, 3])
  })

  it('replaces what is there by an object that was never loaded', async () => {
    const store = await startStore()
    await store.set('a', sessionWith({ user: 'ada', theme: 'dark' }))
    await store.set('a', sessionWith({ user: 'bob' }))
    const { cookie: _, ...data } = there(await store.get('a'))
    assert.deepEqual(data, { user: 'bob' })
  })

  it('[R8] loses no update of requests that overlap: maps by key, lists by what they added', async () => {
    const store = await startStore()
    await store.set('a', sessionWith({ cart: [] }))
    const requests = await Promise.all(Array.from({ length: 12 }, () => store.get('a').then(there)))
    await Promise.all(
      requests.map((session, at) => {
        session.cart?.push(`item ${at}`)
        if (at === 3) session.theme = 'dark'
        if (at === 5) session.user = 'ada'
        return store.set('a', session)
      }),
    )
    const { cart, theme, user } = there(await store.get('a'))
    assert.deepEqual(cart?.toSorted(), Array.from({ length: 12 }, (_, at) => `item ${at}`).toSorted())
    assert.deepEqual([theme, user], ['dark', 'ada'])
  })

  it('[R8] loses no update that is too large for a head, either', async () => {
    const store = await startStore()
    await store.set('a', sessionWith({ cart: [] }))
    const requests = await Promise.all(Array.from({ length: 4 }, () => store.get('a').then(there)))
    await Promise.all(
      requests.map((session, at) => {
        session.cart?.push(String(at).repeat(40_000))
        return store.set('a', session)
      }),
    )
    assert.deepEqual(
      there(await store.get('a'))
        .cart?.map((item) => item[0])
        .toSorted(),
      ['0', '1', '2', '3'],
    )
  })

  it('removes a key that a request removed, and only that', async () => {
    const store = await startStore()
    await store.set('a', sessionWith({ user: 'ada', theme: 'dark' }))
    const [one, two] = [there(await store.get('a')), there(await store.get('a'))]
    delete one.theme
    two.visits = 1
    await store.set('a', one)
    await store.set('a', two)
    const { cookie: _, ...data } = there(await store.get('a'))
    assert.deepEqual(data, { user: 'ada', visits: 1 })
  })

  it('stores an object several times as what it is by then', async () => {
    const store = await startStore()
    const session = sessionWith({ cart: ['tea'] })
    await store.set('a', session)
    const other = there(await store.get('a'))
    other.cart?.push('pot')
    await store.set('a', other)
    session.theme = 'dark'
    await store.set('a', session)
    const found = there(await store.get('a'))
    assert.deepEqual([found.cart, found.theme], [['tea', 'pot'], 'dark'])
  })

  it('[R5] does not let a slow request undo a logout, and fails no response over it', async () => {
    const store = await startStore()
    await store.set('a', sessionWith({ user: 'ada' }))
    const slow = there(await store.get('a'))
    await store.destroy('a')
    slow.visits = 1
    await store.set('a', slow)
    await store.touch('a', slow)
    assert.equal(await store.get('a'), null)
    // Nor does the request that made it.
    const maker = sessionWith({ user: 'bob' })
    await store.set('b', maker)
    await store.destroy('b')
    maker.visits = 1
    await store.set('b', maker)
    assert.equal(await store.get('b'), null)
  })

  it('[R5] does not let a slow request write into a later session of the same id', async () => {
    const store = await startStore()
    await store.set('a', sessionWith({ user: 'ada' }))
    const slow = there(await store.get('a'))
    await store.destroy('a')
    await store.set('a', sessionWith({ user: 'bob' }))
    slow.visits = 1
    await store.set('a', slow)
    const { cookie: _, ...data } = there(await store.get('a'))
    assert.deepEqual(data, { user: 'bob' })
  })

  it('touches without the body: what others stored meanwhile stays', async () => {
    const store = await startStore()
    await store.set('a', sessionWith({ cart: ['tea'] }))
    const reader = there(await store.get('a'))
    const writer = there(await store.get('a'))
    writer.cart?.push('pot')
    await store.set('a', writer)
    reader.cart = ['nothing']
    await store.touch('a', reader)
    assert.deepEqual(there(await store.get('a')).cart, ['tea', 'pot'])
    await store.touch('nobody', reader)
    assert.equal(await store.get('nobody'), null)
  })

  it('makes a touch of what changes nothing', async () => {
    const node = await startNode()
    const store = new RepriseStore({ node })
    await store.set('a', sessionWith({ cart: ['tea'] }))
    const before = node.local('sess:a')?.version
    const reader = there(await store.get('a'))
    reader.cookie.expires = new Date(Date.now() + 60_000)
    await store.set('a', reader)
    await store.touch('a', reader)
    assert.equal(node.local('sess:a')?.version, before)
  })

  it('takes a longer life from the cookie later on, and a shorter one', async () => {
    const store = await startStore()
    await store.set('a', sessionWith({ user: 'ada' }, 60_000))
    const other = there(await store.get('a'))
    const session = there(await store.get('a'))
    session.cookie.originalMaxAge = 3_600_000
    session.cookie.expires = new Date(Date.now() + 3_600_000)
    await store.touch('a', session)
    const longer = there(await store.get('a'))
    assert.equal(longer.cookie.originalMaxAge, 3_600_000)
    assert((longer.cookie.expires?.valueOf() ?? 0) > Date.now() + 3_500_000)
    other.theme = 'dark'
    await store.set('a', other)
    const both = there(await store.get('a'))
    assert.deepEqual([both.user, both.theme, both.cookie.originalMaxAge], ['ada', 'dark', 3_600_000])
    both.cookie.originalMaxAge = 5_000
    both.cookie.expires = new Date(Date.now() + 5_000)
    await store.set('a', both)
    assert((there(await store.get('a')).cookie.expires?.valueOf() ?? 0) <= Date.now() + 5_000)
  })

  it('ends a session by its cookie, by ttl, or by what ttl decides', async () => {
    const store = await startStore({ ttl: 3_600 })
    await store.set('gone', sessionWith({}, 60_000))
    await store.set('gone', sessionWith({}, -1))
    assert.equal(await store.get('gone'), null)
    const node = await startNode()
    const decided = new RepriseStore({ node, ttl: (session) => (session.user === undefined ? 60 : 120) })
    await decided.set('anonymous', sessionWith({}))
    await decided.set('ada', sessionWith({ user: 'ada' }))
    assert(Math.abs((node.local('sess:anonymous')?.remainingMs ?? 0) - 60_000) < 5_000)
    assert(Math.abs((node.local('sess:ada')?.remainingMs ?? 0) - 120_000) < 5_000)
    const session = sessionWith({}, null)
    await decided.set('ends', session)
    const never = new RepriseStore({ node, ttl: () => 0 })
    await never.set('ends', session)
    assert.equal(await never.get('ends'), null)
  })

  it('lists what lives under its prefix, never what expired, and clears nothing else', async () => {
    const node = await startNode()
    const [shop, blog] = [new RepriseStore({ node, prefix: 'shop:' }), new RepriseStore({ node, prefix: 'shop' })]
    await Promise.all([
      shop.set('a', sessionWith({ user: 'ada' })),
      shop.set('b', sessionWith()),
      blog.set('c', sessionWith()),
    ])
    await shop.set('brief', sessionWith({}, 20))
    await until(async () => (await shop.get('brief')) === null)
    assert.deepEqual((await shop.ids()).toSorted(), ['a', 'b'])
    assert.equal(await shop.length(), 2)
    const all = await shop.all()
    assert.equal(all.find(({ id }) => id === 'a')?.user, 'ada')
    await shop.clear()
    assert.equal(await shop.length(), 0)
    assert.equal(await shop.get('a'), null)
    assert.deepEqual(await blog.ids(), ['c'])
  })

  it('lists and drops by tag, also after the tag of a session changed', async () => {
    const store = await startStore({ tag: (session) => session.user })
    await Promise.all(['a', 'b', 'c'].map((id) => store.set(id, sessionWith({ user: id === 'c' ? 'bob' : 'ada' }))))
    const session = there(await store.get('a'))
    session.user = 'bob'
    await store.set('a', session)
    assert.deepEqual(
      (await store.listByTag('ada')).map(({ id }) => id),
      ['b'],
    )
    assert.deepEqual((await store.listByTag('bob')).map(({ id }) => id).toSorted(), ['a', 'c'])
    assert.equal(await store.dropByTag('bob'), 2)
    assert.deepEqual(await store.ids(), ['b'])
    assert.equal(await store.dropByTag('nobody'), 0)
  })

  it('takes any number of keys, and keys that come and go', async () => {
    const store = await startStore()
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`key ${at}`, at]))
    await store.set('a', Object.assign(sessionWith(), many))
    for (let round = 0; round < 20; round++) {
      const session: Record<string, unknown> & { cookie: object } = Object.assign(there(await store.get('a')))
      delete session[`key ${round}`]
      session[`new ${round} ${'x'.repeat(80)}`] = round
      await store.set('a', session as never)
    }
    const { cookie: _, ...data } = there(await store.get('a')) as unknown as Record<string, unknown>
    const left = Object.entries(many).slice(20)
    const added = Array.from({ length: 20 }, (_, at) => [`new ${at} ${'x'.repeat(80)}`, at])
    assert.deepEqual(data, Object.fromEntries([...left, ...added]))
  })

  it('never says disconnect, and answers with 503 when its node has stopped', async () => {
    const node = await startNode()
    const store = new RepriseStore({ node })
    store.on('disconnect', () => assert.fail('disconnect'))
    await store.set('a', sessionWith())
    await stopAll()
    await assert.rejects(store.get('a'), (error) => error instanceof StoreUnavailableError && error.status === 503)
    await assert.rejects(store.set('b', sessionWith()), StoreUnavailableError)
    const lenient = new RepriseStore({ node, onUnavailable: 'anonymous' })
    assert.equal(await lenient.get('a'), null)
  })

  it('seals what it stores, if told to', async () => {
    const store = await startStore({ seal: true })
    await store.set('a', sessionWith({ user: 'ada' }))
    assert.equal(there(await store.get('a')).user, 'ada')
  })

  it('refuses options that cannot work', async () => {
    const node = await startNode()
    const wrong = { node, scanCount: 100 }
    assert.throws(() => new RepriseStore(wrong), StoreOptionError)
    assert.throws(() => new RepriseStore({ node, ttl: -1 }), StoreOptionError)
    assert.throws(() => new RepriseStore({ node, prefix: 'x'.repeat(65) }), StoreOptionError)
    assert.throws(() => new RepriseStore({ node: {} as never }), StoreOptionError)
  })
})
