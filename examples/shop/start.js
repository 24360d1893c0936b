/**
 * Starts the shop: three servers and the proxy before them. See README.md.
 *
 * With `--json` it prints one line for programs, and ends when its standard input does.
 */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createProxy } from './proxy.js'

const SERVERS = 3
const isForPrograms = process.argv.includes('--json')

// In a clone of the repository the servers run from its sources, under the Node that it brings.
const isClone = existsSync(new URL('../../packages/stores/src', import.meta.url))
const pinned = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url))
const runtime = isClone
  ? { execPath: existsSync(pinned) ? pinned : process.execPath, execArgv: ['--conditions=@reprise/source'] }
  : {}

const secret = randomBytes(24).toString('base64url')
const servers = []

async function startServer(name, join) {
  const child = fork(new URL('server.js', import.meta.url), {
    ...runtime,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const gone = once(child, 'exit').then(([code, signal]) => {
    if (!isForPrograms) console.log(`${name} is gone (${signal ?? code})`)
  })
  servers.push({ name, child, gone })
  child.send({ name, secret, join })
  const ready = await Promise.race([once(child, 'message'), gone.then(() => [])])
  if (ready.length === 0) throw new Error(`${name} did not start`)
  return { name, pid: child.pid, ...ready[0] }
}

async function stop() {
  proxy?.close()
  proxy?.closeAllConnections()
  for (const { child } of servers) child.kill()
  await Promise.all(servers.map(({ gone }) => gone))
  process.exit()
}

let proxy
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

const first = await startServer('server-1', [])
const others = Array.from({ length: SERVERS - 1 }, (_, at) => startServer(`server-${at + 2}`, first.addresses))
const started = [first, ...(await Promise.all(others))]

proxy = createProxy(started.map(({ port }) => port))
proxy.listen(isForPrograms ? 0 : Number(process.env.PORT ?? 3000), '127.0.0.1')
await once(proxy, 'listening')
const origin = `http://127.0.0.1:${proxy.address().port}`

if (isForPrograms) {
  console.log(JSON.stringify({ origin, servers: started.map(({ name, pid, port }) => ({ name, pid, port })) }))
  process.stdin.once('end', stop).resume()
} else {
  console.log(`The shop is at ${origin}. Each request goes to the next server:\n`)
  console.log(`  curl -c jar -b jar -X POST ${origin}/login/ada`)
  console.log(`  curl -c jar -b jar -X PUT ${origin}/cart/tea`)
  console.log(`  curl -c jar -b jar ${origin}/\n`)
  console.log('Kill servers, and ask again:\n')
  for (const { name, pid, port } of started) console.log(`  kill -9 ${pid}   # ${name}, port ${port}`)
  console.log('\n^C ends it.')
}
