/**
 * Two Apache httpd, each with a node of its own: sessions that one made resume at the other, whatever happens to nodes. The same over each
 * protocol that mod_ssl can keep sessions by.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { needs } from '../../support/system.ts'
import { startApache } from './apache.ts'
import { type Certificates, makeCertificates, type Pair } from './certificates.ts'
import { type TlsVersion, type Visit, type VisitOptions, visit } from './handshake.ts'
import { startUp, type UpNode } from './local-cluster.ts'
import { pause, Workshop } from './workshop.ts'

const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']
const ROUNDS = 10
/** A look-up that takes longer than its 20 ms is a miss. How often a busy machine does that is no promise of ours. */
const TRIES = 4

export interface ApacheSuite {
  readonly title: string
  /** The option of `reprise up` that opens the gateway. */
  readonly option: string
  /** As `SSLSessionCache` takes it. */
  sessionCacheOf(node: UpNode): string
}

export function describeApache({ title, option, sessionCacheOf }: ApacheSuite): void {
  describe(title, function () {
    this.timeout(120_000)

    let workshop: Workshop | undefined
    let certificates: Certificates
    let nodes: UpNode[] = []

    before(async function () {
      needs(this, 'apache2', spawnSync('apache2', ['-v']).status === 0)
      workshop = new Workshop()
      certificates = makeCertificates(workshop)
      nodes = await startUp(workshop, 2, [option])
    })

    after(async () => await workshop?.[Symbol.asyncDispose]())

    const startPair = async (name: string, server: Pair, clientCa?: string): Promise<[number, number]> => {
      const [first, second] = await Promise.all(
        nodes.map((node, i) => {
          assert(workshop !== undefined)
          const sessionCache = sessionCacheOf(node)
          return startApache(workshop, { name: `${name}-${i}`, sessionCache, server, ...(clientCa && { clientCa }) })
        }),
      )
      assert(first !== undefined && second !== undefined)
      return [first, second]
    }

    const KINDS = {
      RSA: () => ({ server: certificates.rsa }),
      ECDSA: () => ({ server: certificates.ecdsa }),
      'client certificates': () => ({
        server: certificates.rsa,
        clientCa: certificates.ca,
        client: certificates.client,
      }),
    }

    for (const [kind, optionsOf] of Object.entries(KINDS)) {
      it(`[R3] [R6] resumes at each what the other made: ${kind}`, async () => {
        const options: { server: Pair; clientCa?: string; client?: Certificates['client'] } = optionsOf()
        const [a, b] = await startPair(kind.replace(' ', '-'), options.server, options.clientCa)
        const { client } = options
        const shared = { ca: certificates.caText, ...(client !== undefined && { client }) }
        for (const version of VERSIONS) {
          for (let round = 0; round < ROUNDS; round++) {
            const [from, to] = round % 2 === 0 ? [a, b] : [b, a]
            const made = await visit({ port: from, version, ...shared })
            assert.equal(made.isReused, false)
            const again = await resume({ port: to, version, session: made.session, ...shared })
            assert.equal(again.isReused, true, `${version}, round ${round}`)
            const back = await resume({ port: from, version, session: again.session, ...shared })
            assert.equal(back.isReused, true, `${version} and back, round ${round}`)
          }
        }
      })
    }

    describe('when nodes fail', () => {
      let a: number
      let b: number
      /** Its sessions are not in the cluster. */
      let alone: number

      before(async () => {
        assert(workshop !== undefined)
        ;[a, b] = await startPair('failing', certificates.rsa)
        const sessionCache = `shmcb:${workshop.path('scache')}(512000)`
        alone = await startApache(workshop, { name: 'alone', sessionCache, server: certificates.rsa })
      })

      const at = (port: number, version: TlsVersion, session?: Buffer): Promise<Visit> =>
        visit({ port, version, ca: certificates.caText, ...(session !== undefined && { session }) })

      /** Handshakes at A that are full, that resume what A and B made, and with sessions that nobody knows. */
      const visitAll = async (made: readonly (readonly [TlsVersion, Visit])[], name: string): Promise<number> => {
        const tookMs: number[] = []
        for (const [version, { session }] of made) {
          const resumed = await at(a, version, session)
          assert.equal(resumed.isReused, true)
          const full = await at(a, version)
          const stranger = await at(alone, version)
          const unknown = await at(a, version, stranger.session)
          assert.equal(unknown.isReused, false)
          tookMs.push(resumed.handshakeMs, full.handshakeMs, unknown.handshakeMs)
        }
        const worstMs = Math.max(...tookMs)
        // biome-ignore lint/suspicious/noConsole: a figure for whoever runs it; how long is no promise of a test.
        console.log(`      handshakes with ${name}: ${tookMs.length}, the longest ${worstMs.toFixed(0)} ms`)
        return worstMs
      }

      const make = async (...ports: readonly number[]): Promise<(readonly [TlsVersion, Visit])[]> => {
        const made: (readonly [TlsVersion, Visit])[] = []
        for (const version of VERSIONS) {
          for (let round = 0; round < ROUNDS; round++) {
            made.push([version, await at(ports[round % ports.length] ?? a, version)])
          }
        }
        // What was stored in the last milliseconds may be at its own node only.
        for (const [version, { session }] of made) while (!(await at(a, version, session)).isReused) await pause(5)
        return made
      }

      it('goes on as before while the other one’s node is frozen, and after', async () => {
        await visitAll(await make(a, b), 'all nodes well')
        const made = await make(a, b)
        const { pid } = nodes[1] as UpNode
        process.kill(pid, 'SIGSTOP')
        try {
          await visitAll(made, 'the other node frozen')
        } finally {
          process.kill(pid, 'SIGCONT')
        }
        await visitAll(await make(a, b), 'the other node thawed')
      })

      it('goes on as before when the other one’s node is killed', async () => {
        const made = await make(a, b)
        process.kill((nodes[1] as UpNode).pid, 'SIGKILL')
        await visitAll(made, 'the other node killed')
      })

      it('makes full handshakes when its own node is killed, and none fails', async () => {
        const made = await make(a)
        process.kill((nodes[0] as UpNode).pid, 'SIGKILL')
        let longestMs = 0
        for (const [version, { session }] of made) {
          const full = await at(a, version, session)
          assert.equal(full.isReused, false)
          longestMs = Math.max(longestMs, full.handshakeMs)
        }
        // biome-ignore lint/suspicious/noConsole: as above.
        console.log(`      handshakes without a node: ${made.length}, the longest ${longestMs.toFixed(0)} ms`)
      })
    })
  })
}

/** Come with a session that the other one made: at once, and again if a busy machine was too late. */
async function resume(options: VisitOptions): Promise<Visit> {
  for (let attempt = 1; ; attempt++) {
    const made = await visit(options)
    if (made.isReused || attempt === TRIES) return made
    await pause(100)
  }
}
