/** A store in a map, for tests of protocols: the same semantics, checked by the same suite, with a clock that tests set. */
import { KeyError, KeyRefusedError, ValueTooLargeError } from '../../src/errors.ts'
import type {
  Answer,
  Change,
  Decision,
  Entry,
  Expiry,
  KeyValueLimits,
  KeyValueStore,
  Page,
  Write,
} from '../../src/store/key-value.ts'
import { text } from './cluster.ts'

interface Kept {
  readonly value: Uint8Array
  readonly flags: number
  readonly unique: bigint
  readonly mark: Entry['mark']
  readonly endsAtMs: number
}

export class MemoryStore implements KeyValueStore {
  readonly limits: KeyValueLimits = { keyBytesMax: 252, valueBytesMax: 1024 * 1024, lifeMsMax: 30 * 86_400_000 }
  /** Unix milliseconds: the clock stands until a test moves it. */
  nowMs = 1_800_000_000_000
  readonly refused: string[] = ['refused:']
  readonly #kept = new Map<string, Kept>()
  #unique = 0n

  get(key: Uint8Array): Entry | undefined {
    const name = this.#name(key)
    const kept = this.#kept.get(name)
    if (kept === undefined || this.#isRefused(name)) return undefined
    if (kept.endsAtMs <= this.nowMs) {
      this.#kept.delete(name)
      return undefined
    }
    return { ...kept, ttlMs: Number.isFinite(kept.endsAtMs) ? kept.endsAtMs - this.nowMs : undefined }
  }

  getMany(keys: readonly Uint8Array[]): readonly (Entry | undefined)[] {
    return keys.map((key) => this.get(key))
  }

  set(key: Uint8Array, write: Write): Answer<void> {
    return this.update(key, () => ({ result: undefined, change: { ...write, kind: 'write' } }))
  }

  delete(key: Uint8Array): Answer<boolean> {
    return this.update(key, (entry) => ({ result: entry !== undefined, change: { kind: 'delete' } }))
  }

  update<Result>(key: Uint8Array, decide: (entry: Entry | undefined) => Decision<Result>): Answer<Result> {
    const name = this.#name(key)
    if (this.#isRefused(name)) throw new KeyRefusedError()
    const entry = this.get(key)
    const { result, change } = decide(entry)
    if (change !== undefined) this.#carryOut(name, entry, change)
    return result
  }

  takeUnique(): bigint {
    this.#unique += 1n
    return this.#unique
  }

  scan(cursor: number, count: number): Page {
    const names = [...this.#kept.keys()].filter((name) => this.get(Buffer.from(name, 'latin1')) !== undefined)
    const end = cursor + count
    return {
      keys: names.slice(cursor, end).map((name) => Buffer.from(name, 'latin1')),
      cursor: end < names.length ? end : 0,
    }
  }

  count(): number {
    return this.scan(0, Number.MAX_SAFE_INTEGER).keys.length
  }

  async flush(): Promise<number> {
    const count = this.count()
    this.#kept.clear()
    return count
  }

  #carryOut(name: string, entry: Entry | undefined, change: Change): void {
    if (change.kind === 'delete') {
      this.#kept.delete(name)
      return
    }
    const endsAtMs = this.#endOf(change.expiry ?? 'none', name)
    const kept = this.#kept.get(name)
    if (change.kind === 'expire') {
      if (entry !== undefined && kept !== undefined) this.#kept.set(name, { ...kept, endsAtMs })
      return
    }
    const { value, flags = 0, mark = 'none', unique = this.takeUnique() } = change
    if (value.length > this.limits.valueBytesMax) throw new ValueTooLargeError(value.length, this.limits.valueBytesMax)
    this.#kept.set(name, { value: Uint8Array.from(value), flags, mark, unique, endsAtMs })
  }

  #endOf(expiry: Expiry, name: string): number {
    if (expiry === 'none') return Number.POSITIVE_INFINITY
    if (expiry === 'keep') return this.#kept.get(name)?.endsAtMs ?? Number.POSITIVE_INFINITY
    const atMs = 'afterMs' in expiry ? this.nowMs + expiry.afterMs : expiry.atUnixMs
    return Math.min(atMs, this.nowMs + this.limits.lifeMsMax)
  }

  #name(key: Uint8Array): string {
    if (key.length === 0 || key.length > this.limits.keyBytesMax) {
      throw new KeyError(key.length, this.limits.keyBytesMax)
    }
    return text(key) as string
  }

  #isRefused(name: string): boolean {
    return this.refused.some((prefix) => name.startsWith(prefix))
  }
}
