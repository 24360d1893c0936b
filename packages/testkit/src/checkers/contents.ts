/**
 * I-R2: one version has one content; and of I-R7, that a record is exactly what its frontier says, never a torn mix.
 *
 * Every record anywhere is held against the ledger: each value is the content of the version it carries, and each portion is
 * at the highest version among the writes that the record's frontier includes.
 */
import { Buffer } from 'node:buffer'
import type { LiveRecord, SessionKey, SessionRecord } from '@reprise/core'
import { compareVersions, FRONTIER_TENURES_MAX, isReference, MISSING } from '@reprise/core'
import type { ReadResult, SessionLife } from '../ledger.ts'
import { describeVersion, includes } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { recordsOf } from './checker.ts'

export class Contents implements Checker {
  readonly #world: World
  /** Records that were looked at: they never change. */
  readonly #checked = new WeakSet<SessionRecord>()

  constructor(world: World) {
    this.#world = world
  }

  onReadEnd({ read, outcome }: ReadResult): void {
    if (outcome.outcome !== 'complete' && outcome.outcome !== 'partial') return
    this.#check(read.key, outcome.record, `read at n${read.node}`)
  }

  onCheckpoint(): void {
    for (const key of this.#world.ledger.keys) {
      for (const { node, record } of recordsOf(this.#world, key)) this.#check(key, record, `stored at ${node.id}`)
    }
  }

  onQuiet(): void {
    this.onCheckpoint()
  }

  #check(key: SessionKey, record: SessionRecord, where: string): void {
    if (record.kind !== 'live' || this.#checked.has(record)) return
    this.#checked.add(record)
    const life = this.#world.ledger.life(key, record.birth)
    if (life === undefined) {
      if (record.frontier.length > 0) this.#world.violate('I-R2', `${key}, ${where}, is of a birth that never was`)
      return
    }
    this.#checkValues(life, record, where)
    this.#checkIsWhole(life, record, where)
  }

  #checkValues(life: SessionLife, record: LiveRecord, where: string): void {
    for (const [name, { version, value }] of record.portions) {
      const commit = this.#world.ledger.commit(life, version)
      const written = commit?.changes.get(name)
      const what = `${name} of ${life.key} at ${describeVersion(version)}, ${where},`
      if (written === undefined) this.#world.violate('I-R2', `${what} was never written`)
      else if (value !== MISSING && !isReference(value) && toText(value) !== written) {
        this.#world.violate('I-R2', `${what} is ${toText(value)} and was written as ${written}`)
      }
    }
  }

  #checkIsWhole(life: SessionLife, record: LiveRecord, where: string): void {
    // A full frontier has forgotten its oldest tenures, and with them what it includes of them.
    if (record.frontier.length >= FRONTIER_TENURES_MAX) return
    const newest = new Map<string, SessionLife['commits'][number]>()
    for (const commit of life.commits) {
      if (!includes(record, commit)) continue
      for (const name of commit.changes.keys()) {
        const known = newest.get(name)
        if (known === undefined || compareVersions(known.version, commit.version) < 0) newest.set(name, commit)
      }
    }
    for (const [name, { version }] of newest) {
      const portion = record.portions.get(name)
      if (portion !== undefined && compareVersions(portion.version, version) === 0) continue
      const is = portion === undefined ? 'lacking' : `at ${describeVersion(portion.version)}`
      this.#world.violate(
        'I-R7',
        `${name} of ${life.key}, ${where}, is ${is}; its frontier includes ${describeVersion(version)}`,
      )
    }
  }
}

function toText(value: Uint8Array | null): string | null {
  return value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')
}
