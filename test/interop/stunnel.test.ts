/** Two stunnels, each with a node of its own beside it: sessions that one made resume at the other. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Server } from 'node:net'
import { needs } from '../support/system.ts'
import { type Certificates, makeCertificates } from './support/certificates.ts'
import { type TlsVersion, visit } from './support/handshake.ts'
import { startUp } from './support/local-cluster.ts'
import { startBackend, startStunnel } from './support/stunnel.ts'
import { pause, Workshop } from './support/workshop.ts'

const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']
const ROUNDS = 50
const SHARE_MIN = 0.95
/** stunnel waits for one or two ticks of the kernel's clock. How often a busy machine is later than that is no promise of ours. */
const TRIES = 4

describe('stunnel', function () {
  this.timeout(120_000)

  let workshop: Workshop | undefined
  let certificates: Certificates
  let backend: Server | undefined
  let ports: readonly number[] = []

  before(async function () {
    needs(this, 'stunnel4', spawnSync('stunnel4', ['-version']).status === 0)
    const shop = new Workshop()
    workshop = shop
    certificates = makeCertificates(shop)
    const server = await startBackend()
    backend = server
    const address = server.address()
    assert(typeof address === 'object' && address !== null)
    const nodes = await startUp(shop, 2, ['--sessiond'])
    const shared = { server: certificates.rsa, backendPort: address.port }
    ports = await Promise.all(
      nodes.map(({ name, sessiondPort }) => startStunnel(shop, { ...shared, name, sessiondPort })),
    )
  })

  after(async () => {
    backend?.close()
    await workshop?.[Symbol.asyncDispose]()
  })

  for (const version of VERSIONS) {
    it(`[R3] [R6] resumes nearly all that the other made: ${version}`, async () => {
      const shared = { version, ca: certificates.caText }
      let [resumed, atOnce] = [0, 0]
      for (let round = 0; round < ROUNDS; round++) {
        const [from = 0, to = 0] = round % 2 === 0 ? ports : [...ports].reverse()
        const made = await visit({ port: from, ...shared })
        assert.equal(made.isReused, false)
        for (let attempt = 0; attempt < TRIES; attempt++) {
          // stunnel does not wait until a session is stored: it is at the other node some milliseconds later.
          await pause(100)
          const again = await visit({ port: to, session: made.session, ...shared })
          if (!again.isReused) continue
          resumed++
          if (attempt === 0) atOnce++
          break
        }
      }
      assert(resumed >= SHARE_MIN * ROUNDS, `${resumed} of ${ROUNDS}`)
      // biome-ignore lint/suspicious/noConsole: a figure for whoever runs it.
      console.log(`      resumed ${resumed} of ${ROUNDS}, ${atOnce} at the first try`)
    })
  }
})
