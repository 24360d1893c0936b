/** Two stunnels before one server, each with a node of its own. See README.md. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { play } from '../support/stage.js'

await play(async (stage) => {
  const backend = createServer((_request, response) => response.end('hello\n')).listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const { port: BACKEND_PORT } = backend.address()

  const { certificate: CERTIFICATE, key: KEY } = await stage.certificate()
  const nodes = await stage.nodes('--sessiond')
  const ports = await stage.ports()

  for (const [at, { name, sessiondPort: SESSIOND_PORT }] of nodes.entries()) {
    const PORT = ports[at]
    const values = { PORT, BACKEND_PORT, SESSIOND_PORT, CERTIFICATE, KEY }
    const config = stage.configure(new URL('stunnel.conf', import.meta.url), stage.path(`stunnel-${PORT}.conf`), values)
    stage.start('stunnel4', [config])
    await stage.listening(PORT)
    console.log(`stunnel at https://127.0.0.1:${PORT} keeps its sessions at 127.0.0.1:${SESSIOND_PORT}, in ${name}`)
  }

  await stage.show(ports)
  stage.showByHand(ports)
})
