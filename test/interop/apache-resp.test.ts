/** Two Apache httpd over the RESP gateway (socache_redis), each with a node of its own: sessions that one made resume at the other. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { needs } from '../support/system.ts'
import { startApache } from './support/apache.ts'
import { type Certificates, makeCertificates, type Pair } from './support/certificates.ts'
import { type TlsVersion, type Visit, visit } from './support/handshake.ts'
import { startUp, type UpNode } from './support/local-cluster.ts'
import { pause, Workshop } from './support/workshop.ts'

const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']
const ROUNDS = 10

describe('Apache httpd over RESP', function () {
  this.timeout(120_000)

  let workshop: Workshop
  let certificates: Certificates
  let nodes: UpNode[] = []

  before(async function () {
    needs(this, 'apache2', spawnSync('apache2', ['-v']).status === 0)
    workshop = new Workshop()
    certificates = makeCertificates(workshop)
    nodes = await startUp(workshop, 2, ['--resp'])
  })

  after(async () => await workshop?.[Symbol.asyncDispose]())

  const KINDS = {
    RSA: () => ({ server: certificates.rsa }),
    ECDSA: () => ({ server: certificates.ecdsa }),
    'client certificates': () => ({ server: certificates.rsa, clientCa: certificates.ca, client: certificates.client }),
  }

  for (const [kind, optionsOf] of Object.entries(KINDS)) {
    it(`[R3] [R6] resumes at each what the other made: ${kind}`, async () => {
      const options: { server: Pair; clientCa?: string; client?: Certificates['client'] } = optionsOf()
      const { server, clientCa, client } = options
      const shared = { ca: certificates.caText, ...(client !== undefined && { client }) }
      const [a, b] = await Promise.all(
        nodes.map(({ respPort }, i) => {
          const sessionCache = `redis:127.0.0.1:${respPort}`
          const name = `${kind.replace(' ', '-')}-${i}`
          return startApache(workshop, { name, sessionCache, server, ...(clientCa && { clientCa }) })
        }),
      )
      assert(a !== undefined && b !== undefined)
      let late = 0
      /** Come back, again when the look-up missed its deadline of 20 ms: on a busy machine a node may be late. */
      const resume = async (port: number, version: TlsVersion, session: Buffer): Promise<Visit> => {
        for (;;) {
          const visited = await visit({ port, version, session, ...shared })
          if (visited.isReused) return visited
          late += 1
          await pause(5)
        }
      }
      for (const version of VERSIONS) {
        for (let round = 0; round < ROUNDS; round++) {
          const [from, to] = round % 2 === 0 ? [a, b] : [b, a]
          const made = await visit({ port: from, version, ...shared })
          assert.equal(made.isReused, false)
          const again = await resume(to, version, made.session)
          await resume(from, version, again.session)
        }
      }
      // biome-ignore lint/suspicious/noConsole: a figure for whoever runs it; how busy the machine is is no promise of a test.
      if (late > 0) console.log(`      ${late} look-ups of ${2 * VERSIONS.length * ROUNDS} were late`)
      assert.ok(late < VERSIONS.length * ROUNDS)
    })
  }
})
