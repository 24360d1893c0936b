/**
 * One HTTPS port, several processes, and a TLS session that each of them resumes: `node:cluster` with a node in every worker.
 * See README.md.
 *
 * The primary forks the workers, tells each where the others are, and forks a new one for each that dies. It serves nothing itself.
 */
import cluster from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { fileURLToPath } from 'node:url'

const WORKERS = 3

async function runPrimary() {
  const [keyFile, certFile] = process.argv.slice(2)
  if (certFile === undefined) {
    console.error('usage: node server.js KEY.pem CERT.pem')
    process.exit(2)
  }
  useSourcesInClone()
  const secret = randomBytes(24).toString('base64url')
  /** Where each worker's node listens, by the worker's id. */
  const addresses = new Map()

  const start = async () => {
    const worker = cluster.fork()
    worker.once('exit', () => {
      // Who cannot even begin, for want of a file or a port, would not the next time.
      if (!isServing && !isStopping) process.exit(1)
      addresses.delete(worker.id)
      if (!isStopping) void start()
    })
    worker.send({ secret, join: [...addresses.values()].flat(), keyFile, certFile })
    const [ready] = await once(worker, 'message')
    addresses.set(worker.id, ready.addresses)
    return ready
  }

  let isServing = false
  let isStopping = false
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      isStopping = true
      for (const worker of Object.values(cluster.workers)) worker.send({ stop: true })
    })
  }
  // The first has nobody to join, and the others join it.
  const { port } = await start()
  await Promise.all(Array.from({ length: WORKERS - 1 }, start))
  isServing = true
  console.log(
    `https://127.0.0.1:${port} is served by ${Object.values(cluster.workers)
      .map(({ process }) => process.pid)
      .join(', ')}`,
  )
}

async function runWorker() {
  // Listens from the start: a worker may be told to stop before it has begun to serve.
  const stopped = new Promise((resolve) => process.on('message', (message) => message.stop && resolve()))
  const [{ secret, join, keyFile, certFile }] = await once(process, 'message')
  const { createNode } = await import('@reprise/node')
  const { resumeAcrossCluster } = await import('@reprise/tls')

  const node = await createNode({ secret, join })
  const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, (request, response) => {
    const { reused, kind } = resumption.origin(request.socket)
    response.end(JSON.stringify({ pid: process.pid, resumed: reused, from: kind }))
  })
  const resumption = await resumeAcrossCluster(server, node, { context: 'shop' })
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
  await once(server, 'listening')
  process.send({ addresses: node.addresses, port: server.address().port })

  await stopped
  server.close()
  server.closeAllConnections()
  await node.stop()
  process.exit()
}

/** In a clone of the repository the workers run from its sources, under the Node that it brings. */
function useSourcesInClone() {
  if (!existsSync(new URL('../../packages/tls/src', import.meta.url))) return
  const pinned = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url))
  cluster.setupPrimary({
    args: [],
    execPath: existsSync(pinned) ? pinned : process.execPath,
    execArgv: ['--conditions=@reprise/source'],
  })
}

await (cluster.isPrimary ? runPrimary() : runWorker())
