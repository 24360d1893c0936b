/** Two HAProxies, whose ticket keys are kept by a node each. See README.md. */
import { mkdirSync } from 'node:fs'
import { followKeys, showRotation } from '../support/rotation.js'
import { play } from '../support/stage.js'

await play(async (stage) => {
  const { both: CERTIFICATE_AND_KEY } = await stage.certificate()
  const nodes = await stage.nodes()
  const ports = await stage.ports()
  const followers = []

  for (const [at, { name }] of nodes.entries()) {
    const PORT = ports[at]
    const FOLDER = stage.path(`haproxy-${PORT}`)
    mkdirSync(FOLDER, { mode: 0o700 })
    const template = new URL('haproxy.cfg', import.meta.url)
    const config = stage.configure(template, `${FOLDER}/haproxy.cfg`, { FOLDER, PORT, CERTIFICATE_AND_KEY })

    // The first keys are there before HAProxy, which does not start without; from then on it is told.
    const keys = ['--node', name, '--haproxy', `${FOLDER}/ticket.keys`]
    await stage.reprise('keys', 'follow', '--once', '--context', 'edge', ...keys)
    stage.start('haproxy', ['-db', '-q', '-f', config])
    await stage.listening(PORT)
    followers.push(await followKeys(stage, ...keys, '--haproxy-socket', `${FOLDER}/admin.sock`))
    console.log(`HAProxy at https://127.0.0.1:${PORT} has its ticket keys from ${name}`)
  }

  await stage.show(ports)
  await showRotation(stage, ports, followers)
  stage.showByHand(ports)
})
