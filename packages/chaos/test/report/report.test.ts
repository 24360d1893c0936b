import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { renderReport } from '../../src/report/report.ts'
import type { Operation, RunRecord, Violation } from '../../src/run-record.ts'
import { fakeFaults, fakeRecord } from '../support/fake-record.ts'

const EVIL = `</script></style></title><img src=x onerror="alert('1')">`

const BROKEN: readonly Violation[] = [
  { invariant: 'durability', atMs: 58_400, session: 217, text: 'item c4-19 is not in the cart' },
  { invariant: 'links', atMs: 61_800, session: undefined, text: 'node-2 does not reach node-4' },
]

function count(page: string, pattern: RegExp): number {
  return [...page.matchAll(pattern)].length
}

describe('renderReport', () => {
  it('is one page that asks for nothing, and allows its own script only', () => {
    const page = renderReport(fakeRecord())
    assert.match(page, /^<!doctype html>/)
    assert.match(page, /content="default-src &#39;none&#39;;/)
    assert.doesNotMatch(page, /(?:src|href)="(?!#|data:)|url\(|@import|https?:/)
    const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)]
    assert.equal(scripts.length, 1)
    const hash = createHash('sha256')
      .update(scripts[0]?.[1] ?? '')
      .digest('base64')
    assert.ok(page.includes(`sha256-${hash}`))
  })

  it('is the same page for the same record', () => {
    assert.equal(renderReport(fakeRecord({ seed: 7 })), renderReport(fakeRecord({ seed: 7 })))
  })

  it('says what was run, how it went, and how to run it again', () => {
    const record = fakeRecord()
    const page = renderReport(record)
    assert.match(page, /✓ Nothing broke/)
    for (const text of ['a-bad-minute', 'netns', record.version, '4,000', '60.00 s', '2026-11-21 09:41:07 UTC']) {
      assert.ok(page.includes(text), text)
    }
    assert.ok(page.includes(`<code>${record.replay}</code>`))
    assert.match(page, /On real processes the seed repeats the schedule/)
    assert.doesNotMatch(page, /repeats this run exactly/)
    assert.match(renderReport({ ...record, backend: 'sim' }), /In virtual time the seed repeats this run exactly/)
  })

  it('has a lane for each member, a band and a row for each fault, and leads from one to the other', () => {
    const record = fakeRecord()
    const page = renderReport(record)
    for (const name of record.memberNames) assert.match(page, new RegExp(`class="member"[^>]*>${name}<`))
    assert.equal(count(page, /<path class="dots ok"/g), 5)
    for (const number of record.faults.keys()) {
      assert.equal(count(page, new RegExp(`id="band-${number + 1}" href="#fault-${number + 1}"`, 'g')), 1)
      assert.equal(count(page, new RegExp(`<tr id="fault-${number + 1}"`, 'g')), 1)
      assert.equal(count(page, new RegExp(`href="#band-${number + 1}"`, 'g')), 1)
    }
    assert.match(page, />kill node-2</)
    assert.match(page, />loss 5 %, delay 20 ± 10 ms on all links</)
    assert.match(page, /class="moment heal[^>]*><span>healed 60.00 s</)
    assert.match(page, /class="moment quiet[^>]*><span>quiet 61.84 s</)
    assert.match(page, /title="node-2 is down from/)
    assert.match(page, /title="node-4 is silent from/)
  })

  it('marks what broke in its place in time, the first with its name', () => {
    const page = renderReport(fakeRecord({ violations: BROKEN }))
    assert.match(page, /✕ durability broken at <a href="#at-1">58.40 s<\/a>, 2 violations in all/)
    assert.match(page, /class="moment violation[^>]*><span>durability broken at 58.40 s</)
    for (const number of [1, 2]) {
      assert.equal(count(page, new RegExp(`id="at-${number}" href="#violation-${number}"`, 'g')), 1)
      assert.equal(count(page, new RegExp(`<tr id="violation-${number}"`, 'g')), 1)
    }
    assert.match(page, /durability<\/th><td><a class="verdict-broken" href="#violation-1">✕ broken, 1 time</)
    assert.match(page, /carts<\/th><td><span class="verdict-held">✓ held</)
  })

  it('claims nothing of a cluster that never started', () => {
    const start: Violation = { invariant: 'start', atMs: 0, session: undefined, text: 'node-3 never became ready' }
    const page = renderReport({ ...fakeRecord({ operations: 0, faults: [], violations: [start] }), samples: [] })
    assert.match(page, /carts<\/th><td><span class="verdict-open">– not judged</)
    assert.match(page, /start<\/th><td><a class="verdict-broken"/)
    assert.doesNotMatch(page, /✓ held/)
  })

  it('claims nothing of what virtual time cannot judge', () => {
    const record = fakeRecord()
    const scenario = { ...record.scenario, invariants: ['carts', 'links', 'no-errors'] as const }
    const judged = (backend: RunRecord['backend']): string[] => {
      const rows = renderReport({ ...record, scenario, backend }).matchAll(
        /<th scope="row">([\w-]+)<\/th><td><span class="verdict-held"/g,
      )
      return [...rows].map(([, name = '']) => name)
    }
    assert.deepEqual(judged('proc'), ['carts', 'links', 'no-errors', 'start', 'alive', 'quiet'])
    assert.deepEqual(judged('sim'), ['carts', 'start', 'alive', 'quiet'])
  })

  it('says when it never became quiet', () => {
    const page = renderReport({ ...fakeRecord(), quietAtMs: undefined })
    assert.match(page, /never quiet after the heal/)
    assert.doesNotMatch(page, /class="moment quiet/)
  })

  it('lets no text of a run become markup', () => {
    const record = fakeRecord({ violations: [{ invariant: 'carts', atMs: 5, session: 1, text: EVIL }] })
    const [first, ...others] = record.operations
    const evil: RunRecord = {
      ...record,
      scenario: { ...record.scenario, name: EVIL, summary: EVIL },
      version: EVIL,
      replay: EVIL,
      startedAt: EVIL,
      memberNames: record.memberNames.map(() => EVIL),
      operations: [{ ...(first as Operation), outcome: 'failed', detail: { error: EVIL } }, ...others],
    }
    const page = renderReport(evil)
    assert.doesNotMatch(page, /<img/)
    assert.equal(count(page, /<\/script>/g), 2)
    assert.equal(count(page, /<\/style>/g), 1)
    const [, data = ''] = /<script type="application\/json" id="history">(.*?)<\/script>/s.exec(page) ?? []
    assert.ok(JSON.parse(data).faults[0][0].includes('</script>'))
  })

  it('draws every operation that did not go well, also where it leaves out others', () => {
    const record = fakeRecord({ operations: 100_000, nodes: 3 })
    const page = renderReport(record)
    assert.match(page, /ok \([\d,]+ drawn of [\d,]+\)/)
    const points = (kind: string): number =>
      [...page.matchAll(new RegExp(`<path class="dots ${kind}" d="([^"]*)"`, 'g'))].reduce(
        (sum, [, path = '']) => sum + count(path, /h0/g),
        0,
      )
    const placesOf = (outcome: string): number =>
      record.operations.filter((operation) => operation.outcome === outcome).length
    // Two that lie exactly on each other are one point.
    for (const outcome of ['failed', 'unknown']) {
      assert.ok(points(outcome) > 0.9 * placesOf(outcome) && points(outcome) <= placesOf(outcome), outcome)
    }
    assert.ok(points('ok') <= 60_000)
  })

  describe('is bounded', () => {
    const MEBIBYTE = 1024 * 1024

    it('with 100,000 operations', () => {
      const bytes = Buffer.byteLength(renderReport(fakeRecord({ operations: 100_000 })))
      assert.ok(bytes < 1.5 * MEBIBYTE, `${bytes} bytes`)
    })

    it('when all of 100,000 operations fail, each with an error of its own, and everything is violated', () => {
      const record = fakeRecord({ operations: 100_000 })
      const text = 'x'.repeat(10_000)
      const page = renderReport({
        ...record,
        operations: record.operations.map((operation, index) => ({
          ...operation,
          outcome: 'failed',
          detail: { error: `${index} ${text}` },
        })),
        violations: Array.from({ length: 20_000 }, (_, index) => ({
          invariant: 'carts',
          atMs: index,
          session: index,
          text,
        })),
      })
      assert.ok(Buffer.byteLength(page) < 3 * MEBIBYTE, `${Buffer.byteLength(page)} bytes`)
      assert.match(page, /And 19,800 more, which are not listed/)
    })

    it('with a hundred members that come and go all the time, and thousands of faults', () => {
      const nodes = 100
      const record = fakeRecord({ operations: 20_000, nodes, faults: [] })
      const [fault] = fakeFaults(nodes, 60_000)
      const page = renderReport({
        ...record,
        samples: record.samples.map((sample, index) => ({ ...sample, state: index % 201 < 100 ? 'down' : 'silent' })),
        faults: Array.from({ length: 5_000 }, (_, index) => ({
          ...fault!,
          fromMs: index * 10,
          untilMs: index * 10 + 5,
        })),
      })
      assert.ok(Buffer.byteLength(page) < 3 * MEBIBYTE, `${Buffer.byteLength(page)} bytes`)
      assert.match(page, /And 4,800 more, which are neither listed nor drawn/)
    })
  })
})
