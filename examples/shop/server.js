/**
 * One server of the shop: an Express app as it would be with any session store, and the node in which its sessions live.
 *
 * The process that forks it tells it by a message what it is to be, and hears where it listens.
 */
import { once } from 'node:events'
import { createNode } from '@reprise/node'
import { RepriseStore } from '@reprise/stores/express-session'
import express from 'express'
import session from 'express-session'

process.once('disconnect', () => process.exit())
const [{ name, secret, join }] = await once(process, 'message')

const node = await createNode({ name, secret, join })
const app = express()

// Before: new RedisStore({ client, prefix: 'shop:' })
const store = new RepriseStore({ node, prefix: 'shop:', tag: ({ user }) => user })
app.use(session({ store, secret, resave: false, saveUninitialized: false, cookie: { maxAge: 30 * 60_000 } }))

app.use((_request, response, next) => {
  response.set('x-served-by', name)
  next()
})

app.get('/', (request, response) => {
  const { user = 'nobody', items = [] } = request.session
  response.type('text').send(`${name} serves ${user}, who has ${items.length} items: ${items.join(', ')}\n`)
})

app.get('/cart', (request, response) => {
  const { user = null, items = [] } = request.session
  response.json({ user, items })
})

app.post('/login/:user', (request, response, next) => {
  // A new id, so that nobody can have planted the old one.
  request.session.regenerate((error) => {
    if (error) return next(error)
    request.session.user = request.params.user
    response.json({ user: request.params.user })
  })
})

// PUT, because whoever had no answer may ask again: an item is in the cart once.
app.put('/cart/:item', (request, response) => {
  request.session.items ??= []
  if (!request.session.items.includes(request.params.item)) request.session.items.push(request.params.item)
  response.json({ items: request.session.items.length })
})

app.post('/logout', (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.json({ user: null })))
})

app.post('/logout-everywhere', (request, response, next) => {
  store.dropByTag(request.session.user ?? '').then((sessions) => response.json({ sessions }), next)
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.({ port: server.address().port, addresses: node.addresses })

process.once('SIGTERM', async () => {
  server.close()
  await node.stop()
  process.exit()
})
// A ^C at the terminal reaches this process too; the one that started it says when to stop.
process.on('SIGINT', () => {})
