/** What stores on several nodes of one cluster promise together. */
import assert from 'node:assert/strict'
import { RepriseStore } from '@reprise/stores/express-session'
import { startNodes, startStores, stopAll, until } from './support/cluster.ts'
import { sessionWith, there } from './support/sessions.ts'

describe('stores of a cluster', function () {
  this.timeout(30_000)
  afterEach(stopAll)

  it('read at any server what was stored at another one', async () => {
    const stores = await startStores(3)
    for (let round = 0; round < 50; round++) {
      const writer = stores[round % 3]
      const session = (await writer?.get('s')) ?? sessionWith({ visits: 0 })
      session.visits = (session.visits ?? 0) + 1
      await writer?.set('s', session)
      assert.equal(there(await stores[(round + 1) % 3]?.get('s')).visits, round + 1)
    }
  })

  // Of three servers each holds every session; of five some write what they do not hold.
  for (const size of [3, 5]) {
    it(`[R8] lose no update of requests that overlap at different ones of ${size} servers`, async () => {
      const stores = await startStores(size)
      const whole = stores.map((_, at) => `item ${at}`)
      for (let round = 0; round < 10; round++) {
        const id = `s${round}`
        await stores[0]?.set(id, sessionWith({ cart: [] }))
        const sessions = await Promise.all(stores.map((store) => store.get(id).then(there)))
        await Promise.all(
          stores.map((store, at) => {
            sessions[at]?.cart?.push(`item ${at}`)
            return store.set(id, there(sessions[at]))
          }),
        )
        for (const store of stores) {
          let seen: readonly string[] = []
          await until(async () => {
            seen = (await store.get(id))?.cart?.toSorted() ?? []
            assert(seen.length <= whole.length, `twice: ${seen}`)
            return seen.length === whole.length
          })
          assert.deepEqual(seen, whole)
        }
      }
    })
  }

  it('[R8] keep what two servers changed under two keys at the same moment, at once', async () => {
    const [a, b] = await startStores(2)
    await a?.set('s', sessionWith({}))
    const [one, two] = [there(await a?.get('s')), there(await b?.get('s'))]
    one.user = 'ada'
    two.theme = 'dark'
    await Promise.all([a?.set('s', one), b?.set('s', two)])
    await until(async () => {
      const [here, elsewhere] = [there(await a?.get('s')), there(await b?.get('s'))]
      return here.user === 'ada' && here.theme === 'dark' && elsewhere.user === 'ada' && elsewhere.theme === 'dark'
    })
  })

  it('[R5] do not let a slow request at one server undo a logout at another', async () => {
    const [a, b] = await startStores(2)
    await a?.set('s', sessionWith({ user: 'ada' }))
    const slow = there(await b?.get('s'))
    await a?.destroy('s')
    slow.visits = 1
    await b?.set('s', slow)
    await b?.touch('s', slow)
    assert.equal(await a?.get('s'), null)
    assert.equal(await b?.get('s'), null)
  })

  it('[R5] keep a logout that happens while another server stores', async () => {
    const [a, b] = await startStores(2)
    for (let round = 0; round < 20; round++) {
      const id = `s${round}`
      await a?.set(id, sessionWith({ user: 'ada', cart: [] }))
      const slow = there(await b?.get(id))
      slow.cart?.push('tea')
      await Promise.all([b?.set(id, slow), a?.destroy(id)])
      await until(async () => (await b?.get(id)) === null)
      assert.equal(await a?.get(id), null)
    }
  })

  it('lists what was made at any of them, and drops a user everywhere', async () => {
    const stores = await startStores(3, { tag: (session) => session.user })
    const ids = Array.from({ length: 30 }, (_, at) => `s${at}`)
    await Promise.all(ids.map((id, at) => stores[at % 3]?.set(id, sessionWith({ user: at % 2 === 0 ? 'ada' : 'bob' }))))
    await until(async () => (await stores[1]?.length()) === ids.length)
    await until(async () => (await stores[2]?.listByTag('ada'))?.length === 15)
    assert.equal(await stores[2]?.dropByTag('ada'), 15)
    assert.equal(
      (await stores[0]?.all())?.every(({ user }) => user === 'bob'),
      true,
    )
    await stores[0]?.clear()
    assert.equal(await stores[1]?.length(), 0)
  })

  it('list a user’s first two sessions, made at two servers at the same moment', async () => {
    const stores = await startStores(2, { tag: (session) => session.user })
    const users = Array.from({ length: 20 }, (_, at) => `user ${at}`)
    await Promise.all(
      users.flatMap((user) => stores.map((store, at) => store.set(`${user}, ${at}`, sessionWith({ user })))),
    )
    for (const user of users) {
      for (const store of stores) await until(async () => (await store.listByTag(user)).length === stores.length)
    }
  })

  it('say that nobody can say, when nobody can, instead of logging anybody out', async () => {
    const [a, b, c] = await startNodes(3)
    assert(a !== undefined && b !== undefined && c !== undefined)
    const [maker, other] = [new RepriseStore({ node: a }), new RepriseStore({ node: b })]
    await maker.set('s', sessionWith({ user: 'ada' }))
    await Promise.all([a.stop(), c.stop()])
    assert.equal(there(await other.get('s')).user, 'ada')
    const session = there(await other.get('s'))
    session.theme = 'dark'
    await other.set('s', session)
    assert.equal(there(await other.get('s')).theme, 'dark')
  })

  it('reports copies that were not confirmed, if told to', async () => {
    const [node] = await startNodes(1)
    assert(node !== undefined)
    await new RepriseStore({ node }).set('s', sessionWith())
    const strict = new RepriseStore({ node, prefix: 'strict:', onUnconfirmed: 'error' })
    await assert.rejects(strict.set('s', sessionWith()), { code: 'NOT_ENOUGH_HOLDERS' })
    await new RepriseStore({ node, prefix: 'q:', confirm: 'queued', onUnconfirmed: 'error' }).set('s', sessionWith())
  })
})
