/** Two Apache httpd, each with a node of its own. `--resp` lets them speak to it as to a Redis instead of a memcached. See README.md. */
import { mkdirSync } from 'node:fs'
import { play } from '../support/stage.js'

const isResp = process.argv.includes('--resp')

await play(async (stage) => {
  const { certificate: CERTIFICATE, key: KEY } = await stage.certificate()
  const nodes = await stage.nodes(isResp ? '--resp' : '--memcached')
  const ports = await stage.ports()

  for (const [at, { name, memcachedPort, respPort }] of nodes.entries()) {
    const PORT = ports[at]
    const FOLDER = stage.path(`apache-${PORT}`)
    const SESSION_CACHE = isResp ? `redis:127.0.0.1:${respPort}` : `memcache:127.0.0.1:${memcachedPort}`
    mkdirSync(FOLDER)
    for (const file of ['shop.conf', 'apache.conf']) {
      const template = new URL(file, import.meta.url)
      stage.configure(template, `${FOLDER}/${file}`, { FOLDER, PORT, SESSION_CACHE, CERTIFICATE, KEY })
    }
    stage.start('apache2', ['-DFOREGROUND', '-f', `${FOLDER}/apache.conf`])
    await stage.listening(PORT)
    console.log(`Apache at https://127.0.0.1:${PORT} keeps its sessions at ${SESSION_CACHE}, in ${name}`)
  }

  await stage.show(ports)
  stage.showByHand(ports)
})
