import assert from 'node:assert/strict'
import { idleMsOf, keptCookie, metaOf, metaToJson, remainingMsOf, shownCookie } from '../src/lifetime.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const at = (ms: number): string => new Date(NOW_MS + ms).toISOString()

describe('the lifetime of a session', () => {
  it('is what the cookie says, and what the store says when the cookie says nothing', () => {
    assert.equal(idleMsOf(undefined, 5_000, false, NOW_MS), 5_000)
    assert.equal(idleMsOf({ originalMaxAge: null, expires: null }, 5_000, false, NOW_MS), 5_000)
    assert.equal(idleMsOf({ originalMaxAge: 60_000, expires: at(59_000) }, 5_000, false, NOW_MS), 60_000)
    assert.equal(idleMsOf({ originalMaxAge: null, expires: at(7_000) }, 5_000, false, NOW_MS), 7_000)
    assert(idleMsOf({ originalMaxAge: 60_000, expires: at(-1) }, 5_000, false, NOW_MS) <= 0)
    assert.equal(idleMsOf({ originalMaxAge: 60_000, expires: at(59_000) }, 1_000, true, NOW_MS), 1_000)
    assert.equal(idleMsOf({ expires: 'nonsense' }, 5_000, false, NOW_MS), 5_000)
  })

  it('is derived for a cookie that begins anew with each use, and kept for one with a date', () => {
    const rolling = keptCookie({ path: '/', originalMaxAge: 60_000, expires: at(60_000), originalExpires: at(9) })
    assert.deepEqual(rolling, { path: '/', originalMaxAge: 60_000 })
    assert.deepEqual(shownCookie(rolling ?? {}, 1_000, NOW_MS)['expires'], new Date(NOW_MS + 1_000))
    const dated = keptCookie({ originalMaxAge: null, expires: at(60_000) })
    assert.deepEqual(shownCookie(dated ?? {}, 1_000, NOW_MS)['expires'], new Date(NOW_MS + 60_000))
    assert.equal(shownCookie({ originalMaxAge: null }, 1_000, NOW_MS)['expires'], null)
  })

  it('is shorter than the cluster’s by what the session wants less than it was made with, and ends at a date', () => {
    const meta = { cookie: undefined, idleMs: 10_000, madeIdleMs: 60_000, life: 'x', tags: [] }
    assert.equal(remainingMsOf(meta, 60_000, NOW_MS), 10_000)
    assert(remainingMsOf(meta, 49_000, NOW_MS) < 0)
    const dated = { ...meta, idleMs: 60_000, cookie: { originalMaxAge: null, expires: at(3_000) } }
    assert.equal(remainingMsOf(dated, 50_000, NOW_MS), 3_000)
    assert.equal(remainingMsOf({ ...dated, cookie: { originalMaxAge: null } }, 50_000, NOW_MS), 50_000)
  })

  it('comes back from what is stored, and is nothing in what others stored', () => {
    const meta = { cookie: { path: '/' }, idleMs: 10, madeIdleMs: 20, life: 'x', tags: ['ada'] }
    assert.deepEqual(metaOf(metaToJson(meta)), meta)
    const bare = { cookie: undefined, idleMs: 10, madeIdleMs: 10, life: 'x', tags: [] }
    assert.deepEqual(metaOf(metaToJson(bare)), bare)
    assert.equal(metaOf('something'), undefined)
    assert.equal(metaOf({ i: 'x' }), undefined)
  })
})
