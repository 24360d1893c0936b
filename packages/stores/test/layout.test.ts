import assert from 'node:assert/strict'
import type { JsonValue, PortionCodec, PortionValue, Session } from '@reprise/core'
import fc from 'fast-check'
import { OWN_PORTIONS_MAX, SHARED_PORTIONS } from '../src/constants.ts'
import type { Layout, Write } from '../src/layout.ts'
import { applyWrite, readFields } from '../src/layout.ts'

const LAYOUT: Layout = { hasOwnPortions: true, sharedPortions: SHARED_PORTIONS }

/** A session that is nothing but its portions. */
class PortionsOnly implements Session {
  readonly id = new Uint8Array()
  readonly version = undefined
  readonly lastWriter = ''
  readonly remainingMs = 0
  readonly values: Map<string, PortionValue>

  constructor(values: ReadonlyMap<string, PortionValue> = new Map()) {
    this.values = new Map(values)
  }

  get portions(): readonly string[] {
    return [...this.values.keys()]
  }

  get(name: string): PortionValue | undefined
  get<Value>(portion: PortionCodec<Value>): Value | undefined
  get(portion: unknown): unknown {
    return this.values.get(String(portion))
  }

  set(portion: unknown, value: unknown): void {
    this.values.set(String(portion), JSON.parse(JSON.stringify(value)))
  }

  delete(): never {
    throw new Error('a removed portion would take a place all the same')
  }

  commit(): never {
    throw new Error('nothing is committed here')
  }

  touch(): void {}

  drop(): never {
    throw new Error('nothing is dropped here')
  }
}

const apply = (session: Session, write: Write, isAgain = false): boolean =>
  applyWrite(session, write, LAYOUT, false, isAgain)

function writeOf(
  writer: string,
  number: number,
  changes: Record<string, [JsonValue | undefined, JsonValue | undefined]>,
): Write {
  const entries = Object.entries(changes).map(([field, [base, mine]]) => [field, { base, mine }] as const)
  return { writer, number, changes: new Map(entries) }
}

describe('the layout of a document', () => {
  it('gives back any fields, however many and however named, in a bounded number of portions', () => {
    const names = fc.uniqueArray(
      fc.string({ maxLength: 90 }).map((name) => `.${name}`),
      { maxLength: 120 },
    )
    fc.assert(
      fc.property(names, names, (first, second) => {
        const session = new PortionsOnly()
        apply(session, writeOf('a', 1, Object.fromEntries(first.map((name) => [name, [undefined, 1]]))))
        apply(session, writeOf('a', 2, Object.fromEntries(first.map((name) => [name, [1, undefined]]))))
        assert.deepEqual(readFields(session), new Map())
        apply(session, writeOf('a', 3, Object.fromEntries(second.map((name) => [name, [undefined, name]]))))
        for (const name of second) assert.equal(readFields(session).get(name), name)
        assert.equal(readFields(session).size, second.length)
        assert(session.portions.length <= OWN_PORTIONS_MAX + SHARED_PORTIONS)
      }),
    )
  })

  it('includes a write once, also when it is made again', () => {
    const session = new PortionsOnly()
    const write = writeOf('a', 1, { '.cart': [[], ['tea']] })
    assert.equal(apply(session, write), true)
    assert.equal(apply(session, write, true), false)
    assert.deepEqual(readFields(session).get('.cart'), ['tea'])
  })

  it('leaves a value that a rival set in the place of this one', () => {
    const session = new PortionsOnly()
    apply(session, writeOf('b', 1, { '.theme': [undefined, 'light'] }))
    assert.equal(apply(session, writeOf('a', 1, { '.theme': [undefined, 'dark'] }), true), false)
    assert.equal(readFields(session).get('.theme'), 'light')
  })

  it('[R8] ends with every item once, whichever of concurrent writes the cluster kept', () => {
    const step = fc.record({
      writer: fc.constantFrom('a', 'b', 'c'),
      behind: fc.nat(4),
      field: fc.constantFrom('.x', '.y'),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const history: ReadonlyMap<string, PortionValue>[] = [new Map()]
        const writes: Write[] = []
        for (const [number, { writer, behind, field }] of steps.entries()) {
          // It builds on what was there some writes ago, and the cluster keeps it in the place of those.
          const session = new PortionsOnly(history[Math.max(0, history.length - 1 - behind)])
          for (const earlier of writes.filter((write) => write.writer === writer)) apply(session, earlier, true)
          const base = readFields(session).get(field)
          assert(base === undefined || Array.isArray(base))
          const write = writeOf(writer, number + 1, { [field]: [base, [...(base ?? []), number]] })
          apply(session, write)
          writes.push(write)
          history.push(session.values)
        }
        // Then each writer looks whether its writes are there.
        const session = new PortionsOnly(history.at(-1))
        while (writes.some((write) => apply(session, write, true)));
        const items = ['.x', '.y'].flatMap((field) => readFields(session).get(field) ?? [])
        assert.deepEqual(
          items.toSorted((a, b) => Number(a) - Number(b)),
          [...steps.keys()],
        )
      }),
    )
  })
})
