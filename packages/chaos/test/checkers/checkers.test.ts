import assert from 'node:assert/strict'
import { carts } from '../../src/checkers/carts.ts'
import { convergence } from '../../src/checkers/convergence.ts'
import { durability } from '../../src/checkers/durability.ts'
import { links } from '../../src/checkers/links.ts'
import { noErrors } from '../../src/checkers/no-errors.ts'
import { noFalseAbsence } from '../../src/checkers/no-false-absence.ts'
import { noResurrection } from '../../src/checkers/no-resurrection.ts'
import { readYourWrites } from '../../src/checkers/read-your-writes.ts'
import type { Fault } from '../../src/index.ts'
import type { FaultBand, Sample } from '../../src/run-record.ts'
import { absent, evidence, finalRead, put, read, type Told } from '../support/history.ts'

const texts = (violations: readonly { readonly text: string }[]): string[] => violations.map(({ text }) => text)

describe('checkers', () => {
  describe('durability', () => {
    const judge = (...told: Told[]): string[] => texts(durability(evidence(told)))

    it('is content with what was confirmed and is there', () => {
      assert.deepEqual(
        judge(put('1.0', 0), put('1.1', 100), finalRead(['1.0', '1.1']), finalRead(['1.1', '1.0'], 1)),
        [],
      )
    })

    it('misses a confirmed item, and says where', () => {
      const [text, ...others] = judge(
        put('1.0', 0, { node: 2 }),
        put('1.1', 100),
        finalRead(['1.0', '1.1']),
        finalRead(['1.1'], 1),
      )
      assert.match(text ?? '', /item 1\.0 of session 1, confirmed by c at 5 ms, is not in the cart at b/)
      assert.deepEqual(others, [])
    })

    it('misses a session that is gone, and one that nobody can read', () => {
      assert.match(judge(put('1.0', 0), { ...absent(12_000), kind: 'final-read' })[0] ?? '', /is lost: a says/)
      const unread: Told = { kind: 'final-read', atMs: 12_000, outcome: 'failed', detail: { found: 'unknown' } }
      assert.match(judge(put('1.0', 0), unread)[0] ?? '', /could not be read in the end/)
    })

    it('expects nothing of what nobody confirmed', () => {
      const noCopies = put('1.0', 0, { detail: { copies: 0 } })
      const silent = put('1.1', 0, { outcome: 'unknown' })
      assert.deepEqual(judge(noCopies, silent, { ...absent(12_000), kind: 'final-read' }), [])
    })

    it('expects nothing of a session that was, or may have been, dropped or that has ended', () => {
      for (const outcome of ['ok', 'unknown'] as const) {
        assert.deepEqual(
          judge(put('1.0', 0), { kind: 'drop', atMs: 50, outcome }, { ...absent(12_000), kind: 'final-read' }),
          [],
        )
      }
      const short = put('1.0', 0, { detail: { endsMs: 8_000 } })
      assert.deepEqual(judge(short, { ...absent(12_000), kind: 'final-read' }), [])
    })

    it('still expects a session whose drop was refused', () => {
      const refused: Told = { kind: 'drop', atMs: 50, outcome: 'failed' }
      assert.equal(judge(put('1.0', 0), refused, { ...absent(12_000), kind: 'final-read' }).length, 1)
    })
  })

  describe('carts', () => {
    const judge = (...told: Told[]): string[] => texts(carts(evidence(told)))

    it('may have what nobody confirmed, or not', () => {
      const silent = put('1.1', 50, { outcome: 'unknown' })
      assert.deepEqual(judge(put('1.0', 0), silent, read(['1.0'], 100), read(['1.0', '1.1'], 200)), [])
    })

    it('have no item twice, and none that nobody put in', () => {
      assert.match(judge(put('1.0', 0), read(['1.0', '1.0'], 100))[0] ?? '', /has the item 1\.0 twice/)
      assert.match(judge(put('1.0', 0), read(['1.0', '2.0'], 100))[0] ?? '', /has the item 2\.0, which nobody put in/)
    })

    it('have no item before somebody puts it in, nor one that was refused', () => {
      assert.equal(judge(put('1.0', 200), read(['1.0'], 100)).length, 1)
      assert.equal(judge(put('1.0', 0, { outcome: 'failed' }), read(['1.0'], 100)).length, 1)
    })

    it('are the same everywhere in the end', () => {
      const told = [put('1.0', 0), put('1.1', 10, { outcome: 'unknown' }), finalRead(['1.0'])]
      assert.match(judge(...told, finalRead(['1.0', '1.1'], 1))[0] ?? '', /not the same at a and b/)
      assert.deepEqual(judge(...told, finalRead(['1.0'], 1)), [])
    })
  })

  describe('read-your-writes', () => {
    const judge = (...told: Told[]): string[] => texts(readYourWrites(evidence(told)))

    it('asks for what the token proves and for nothing more', () => {
      assert.deepEqual(judge(read(['1.0', '1.1'], 100, { detail: { expects: ['1.0'] } })), [])
      assert.match(judge(read(['1.1'], 100, { detail: { expects: ['1.0'] } }))[0] ?? '', /without 1\.0/)
    })
  })

  describe('no-resurrection', () => {
    const judge = (told: readonly Told[], faults: readonly FaultBand[] = []): string[] =>
      texts(noResurrection(evidence(told, { faults })))
    const drop: Told = { kind: 'drop', atMs: 1_000 }

    it('does not find what was dropped', () => {
      assert.deepEqual(judge([put('1.0', 0), read(['1.0'], 900), drop, absent(2_000)]), [])
      assert.match(judge([put('1.0', 0), drop, read(['1.0'], 2_000)])[0] ?? '', /found 1\.0 s after it was dropped/)
    })

    it('nor by a read that began before the drop had ended', () => {
      assert.deepEqual(judge([put('1.0', 0), { ...drop, tookMs: 500 }, read(['1.0'], 1_200)]), [])
    })

    it('excuses members that could not hear of it, until everything healed', () => {
      const band = bandOf({ kind: 'partition', side: [0] }, 500, 3_000)
      assert.deepEqual(judge([put('1.0', 0), drop, read(['1.0'], 2_000)], [band]), [])
      assert.equal(judge([put('1.0', 0), drop, finalRead(['1.0'])], [band]).length, 1)
      const kill = bandOf({ kind: 'kill', nodes: [0] }, 500, 3_000)
      assert.equal(judge([put('1.0', 0), drop, read(['1.0'], 2_000)], [kill]).length, 1)
    })

    it('does not find what has ended by itself, as late as it may have', () => {
      const short = put('1.0', 0, { detail: { endsMs: 2_000 } })
      assert.deepEqual(judge([short, read(['1.0'], 4_000)]), [])
      assert.match(judge([short, read(['1.0'], 6_000)])[0] ?? '', /after its end/)
      const touch: Told = { kind: 'touch', atMs: 3_000, detail: { endsMs: 5_000 } }
      assert.deepEqual(judge([short, touch, read(['1.0'], 6_000)]), [])
    })

    it('excuses what was held up, and what may still be done', () => {
      const short = put('1.0', 0, { detail: { endsMs: 2_000 } })
      assert.deepEqual(judge([short, read(['1.0'], 8_000)], [bandOf({ kind: 'freeze', nodes: [1] }, 1_000, 5_000)]), [])
      const silent: Told = { kind: 'touch', atMs: 100, outcome: 'unknown', detail: { endsMs: 2_100 } }
      assert.deepEqual(judge([short, silent, read(['1.0'], 9_000)]), [])
    })
  })

  describe('no-false-absence', () => {
    const judge = (...told: Told[]): string[] => texts(noFalseAbsence(evidence(told)))

    it('is told nothing of a session that lives', () => {
      assert.match(judge(put('1.0', 0), absent(100, { node: 1 }))[0] ?? '', /b said that session 1 does not exist/)
      assert.deepEqual(judge(absent(100), put('1.0', 200)), [])
    })

    it('may be told of one that was dropped, or is being dropped, or has nearly ended', () => {
      assert.deepEqual(judge(put('1.0', 0), { kind: 'drop', atMs: 90, outcome: 'unknown' }, absent(100)), [])
      assert.deepEqual(judge(put('1.0', 0, { detail: { endsMs: 2_000 } }), absent(100)), [])
      assert.equal(judge(put('1.0', 0), { kind: 'drop', atMs: 90, outcome: 'failed' }, absent(100)).length, 1)
    })

    it('nor of one that only its writer has', () => {
      assert.deepEqual(judge(put('1.0', 0, { detail: { copies: 0 } }), absent(100)), [])
    })
  })

  describe('no-errors', () => {
    const judge = (...told: Told[]): string[] => texts(noErrors(evidence(told)))
    const refused: Told = { kind: 'resume', atMs: 0, request: 1, outcome: 'failed', detail: { error: 'STOPPED: gone' } }

    it('takes a refusal that the next node makes good for none', () => {
      assert.deepEqual(judge(refused, { ...read(['1.0'], 10), request: 1, node: 1 }), [])
      assert.match(judge(refused)[0] ?? '', /gave up: resume of session 1 failed: STOPPED/)
    })

    it('takes silence for one, and a good answer to another request for nothing', () => {
      assert.equal(judge({ ...refused, outcome: 'unknown' }, { ...read(['1.0'], 10), request: 2 }).length, 1)
    })

    it('does not ask of a session that was dropped, nor of what is read in the end', () => {
      assert.deepEqual(judge({ kind: 'drop', atMs: 0, request: 0 }, { ...refused, atMs: 50 }), [])
      assert.deepEqual(judge({ ...refused, kind: 'final-read' }), [])
    })
  })

  describe('convergence', () => {
    const check = { verdict: 'warning', reasons: ['two differ'], differing: 0, short: 0 } as const

    it('minds copies that differ and copies that are missing, and no other warning', () => {
      assert.deepEqual(convergence(evidence([], { check })), [])
      for (const wrong of [{ differing: 1 }, { short: 1 }]) {
        assert.match(convergence(evidence([], { check: { ...check, ...wrong } }))[0]?.text ?? '', /two differ/)
      }
    })

    it('minds that nobody answers', () => {
      const unasked = { ...evidence([]), check: undefined }
      assert.equal(convergence(unasked).length, 1)
    })

    it('does not count copies of members that cannot be asked', () => {
      const mixed = evidence([], { check: { ...check, short: 64 } })
      const cluster = { ...mixed.scenario.cluster, previousWire: [0] }
      assert.deepEqual(convergence({ ...mixed, scenario: { ...mixed.scenario, cluster } }), [])
    })
  })

  describe('links', () => {
    const round = (atMs: number, reachable: readonly number[]): Sample[] =>
      reachable.map((count, node) => ({ atMs, node, state: 'ready', lagFrames: 0, reachable: count, sessions: 0 }))
    const faults = [bandOf({ kind: 'partition', side: [0] }, 1_000, 8_000)]
    const judge = (samples: readonly Sample[]): string[] => texts(links(evidence([], { faults, samples })))

    it('are back within ten seconds of the end of the last fault', () => {
      assert.deepEqual(judge([...round(5_000, [0, 1, 1]), ...round(9_000, [1, 2, 1]), ...round(17_000, [2, 2, 2])]), [])
      assert.match(judge([...round(9_000, [1, 2, 1]), ...round(19_000, [2, 2, 2])])[0] ?? '', /11\.0 s after/)
      assert.match(judge(round(19_000, [1, 2, 1]))[0] ?? '', /never/)
    })

    it('are not asked of members that are not there', () => {
      const gone: Sample = { atMs: 9_000, node: 2, state: 'down', lagFrames: 0, reachable: 0, sessions: 0 }
      assert.deepEqual(judge([...round(9_000, [1, 1]), gone]), [])
    })
  })
})

function bandOf(fault: Fault, fromMs: number, untilMs: number): FaultBand {
  return { fault, nodes: [], fromMs, untilMs }
}
