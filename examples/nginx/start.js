/** Two nginx, whose ticket keys are kept by a node each. See README.md. */
import { mkdirSync } from 'node:fs'
import { followKeys, showRotation } from '../support/rotation.js'
import { play } from '../support/stage.js'

await play(async (stage) => {
  const { certificate: CERTIFICATE, key: KEY } = await stage.certificate()
  const nodes = await stage.nodes()
  const ports = await stage.ports()
  const followers = []

  for (const [at, { name }] of nodes.entries()) {
    const PORT = ports[at]
    const FOLDER = stage.path(`nginx-${PORT}`)
    mkdirSync(FOLDER, { mode: 0o700 })
    for (const file of ['edge.conf', 'nginx.conf']) {
      const template = new URL(file, import.meta.url)
      stage.configure(template, `${FOLDER}/${file}`, { FOLDER, PORT, CERTIFICATE, KEY })
    }

    // The first keys are there before nginx, which does not start without; from then on it is reloaded.
    const keys = ['--node', name, '--nginx', `${FOLDER}/ticket`]
    await stage.reprise('keys', 'follow', '--once', '--context', 'edge', ...keys)
    stage.start('nginx', ['-p', FOLDER, '-c', `${FOLDER}/nginx.conf`, '-e', `${FOLDER}/error.log`])
    await stage.listening(PORT)
    followers.push(await followKeys(stage, ...keys, '--reload', `kill -HUP $(cat ${FOLDER}/nginx.pid)`))
    console.log(`nginx at https://127.0.0.1:${PORT} has its ticket keys from ${name}`)
  }

  await stage.show(ports)
  await showRotation(stage, ports, followers)
  stage.showByHand(ports)
})
