import assert from 'node:assert/strict'
import { tlsOwn, tlsResumed, tlsServed } from '../../src/checkers/tls.ts'
import type { FaultBand, HandshakeDetail } from '../../src/run-record.ts'
import { evidence, type Told } from '../support/history.ts'

const texts = (violations: readonly { readonly text: string }[]): string[] => violations.map(({ text }) => text)

interface OfferInit {
  readonly ageMs?: number
  readonly madeBy?: number
  readonly lifeMs?: number
  readonly node?: number
  readonly kind?: Told['kind']
  readonly result?: HandshakeDetail['result']
}

/** A handshake at `atMs` with a session that was made elsewhere, and was not resumed unless it says so. */
function offer(atMs: number, init: OfferInit = {}): Told {
  const { ageMs = 1_000, madeBy = 1, lifeMs = 60_000, node = 0, kind = 'tls-resume', result = 'full' } = init
  const offered = { madeMs: atMs - ageMs, livesUntilMs: atMs - ageMs + lifeMs, madeBy }
  return { kind, atMs, node, detail: { tls: { version: 'TLSv1.3', offered, result, takenFor: 'client-0' } } }
}

function band(fault: FaultBand['fault'], nodes: readonly number[], fromMs: number, untilMs?: number): FaultBand {
  return { fault, nodes, fromMs, untilMs }
}

describe('checkers of TLS clients', () => {
  describe('tls-resumed', () => {
    const judge = (told: readonly Told[], faults: readonly FaultBand[] = []): string[] =>
      texts(tlsResumed(evidence(told, { faults })))

    it('misses a session that is not resumed, in the end too, and says whose', () => {
      assert.deepEqual(judge([offer(5_000)]), ['a TLSv1.3 session of b, 1.0 s old, was not resumed at a'])
      assert.equal(judge([offer(12_000, { kind: 'final-read' })]).length, 1)
    })

    it('is content with what is resumed, and with who offers nothing', () => {
      const stranger: Told = { kind: 'tls-new', atMs: 1, detail: { tls: { version: 'TLSv1.2', result: 'full' } } }
      assert.deepEqual(judge([offer(5_000, { result: 'resumed' }), stranger]), [])
    })

    it('does not ask for one that is too young, or may have ended', () => {
      assert.deepEqual(judge([offer(5_000, { ageMs: 50 }), offer(5_000, { lifeMs: 1_000 })]), [])
      assert.equal(judge([offer(5_000, { ageMs: 51 })]).length, 1)
    })

    it('excuses one whose maker was killed at once, and no other', () => {
      const kill = band({ kind: 'kill', nodes: [1] }, [1], 4_030, 8_000)
      assert.deepEqual(judge([offer(5_000)], [kill]), [])
      assert.equal(judge([offer(5_000, { ageMs: 1_100 })], [kill]).length, 1)
      assert.equal(judge([offer(5_000, { madeBy: 2 })], [kill]).length, 1)
    })

    it('excuses one of which every copy may be gone', () => {
      const killed = (members: readonly number[]): FaultBand[] =>
        members.map((member) => band({ kind: 'kill', nodes: [member] }, [member], 4_500, 4_600))
      assert.equal(judge([offer(5_000)], killed([1, 2])).length, 1)
      assert.deepEqual(judge([offer(5_000)], killed([0, 1, 2])), [])
      const frozen = band({ kind: 'freeze', nodes: [2] }, [2], 4_700, 9_000)
      assert.deepEqual(judge([offer(5_000)], [...killed([0, 1]), frozen]), [])
    })

    it('excuses who stood still, until it has heard what it missed', () => {
      const frozen = band({ kind: 'freeze', nodes: [0] }, [0], 1_000, 3_000)
      assert.deepEqual(judge([offer(5_000), offer(17_999)], [frozen]), [])
      assert.equal(judge([offer(18_001), offer(5_000, { node: 2 })], [frozen]).length, 2)
    })

    it('excuses the other side of a partition, and no member of the same side', () => {
      const parted = band({ kind: 'partition', side: [0] }, [0], 4_000, 6_000)
      assert.deepEqual(judge([offer(5_000), offer(20_900)], [parted]), [])
      assert.equal(judge([offer(5_000, { node: 2 })], [parted]).length, 1)
      assert.equal(judge([offer(21_100)], [parted]).length, 1)
    })

    it('excuses all while links are cut or bad, and once clocks were set', () => {
      assert.deepEqual(judge([offer(5_000)], [band({ kind: 'impair', conditions: { lossRate: 1 } }, [], 4_000)]), [])
      assert.deepEqual(judge([offer(5_000)], [band({ kind: 'cut', from: [2] }, [2], 4_000, 4_500)]), [])
      assert.deepEqual(judge([offer(5_000)], [band({ kind: 'clock-jump', nodes: [2], jumpMs: 1 }, [2], 10, 20)]), [])
      assert.equal(judge([offer(5_000)], [band({ kind: 'restart', nodes: [1] }, [1], 4_000, 4_500)]).length, 1)
    })
  })

  describe('tls-own', () => {
    it('minds a client that is taken for another one, or for nobody', () => {
      const taken = (takenFor: string): string[] =>
        texts(
          tlsOwn(evidence([{ ...offer(5_000), detail: { tls: { version: 'TLSv1.2', result: 'resumed', takenFor } } }])),
        )
      assert.deepEqual(taken('client-0'), [])
      assert.deepEqual(taken('client-7'), ['a took client-0 for client-7 in a resumed handshake'])
      assert.deepEqual(taken(''), ['a took client-0 for nobody in a resumed handshake'])
    })
  })

  describe('tls-served', () => {
    const failed: Told = {
      kind: 'tls-resume',
      atMs: 5_000,
      outcome: 'failed',
      detail: { tls: { version: 'TLSv1.2' }, error: 'ECONNRESET: reset' },
    }
    const judge = (told: Told, faults: readonly FaultBand[] = []): string[] =>
      texts(tlsServed(evidence([told], { faults })))

    it('minds a handshake that fails at a member that nobody struck', () => {
      assert.deepEqual(judge(failed), ['a handshake failed at a: ECONNRESET: reset'])
      assert.equal(judge(failed, [band({ kind: 'kill', nodes: [1] }, [1], 4_000, 6_000)]).length, 1)
      assert.equal(judge(failed, [band({ kind: 'partition', side: [0] }, [0], 4_000, 6_000)]).length, 1)
    })

    it('excuses a member that is struck, and a moment after it', () => {
      for (const kind of ['kill', 'freeze', 'stall', 'restart', 'join'] as const) {
        assert.deepEqual(judge(failed, [band({ kind, nodes: [0] }, [0], 4_000, 4_500)]), [])
      }
      assert.equal(judge(failed, [band({ kind: 'kill', nodes: [0] }, [0], 1_000, 3_900)]).length, 1)
    })
  })
})
