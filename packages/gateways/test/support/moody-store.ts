/** A store whose answers come late, or not at all, when a test says so. */
import type { Answer, Decision, Entry, KeyValueLimits, KeyValueStore, Page, Write } from '../../src/store/key-value.ts'
import { MemoryStore } from './memory-store.ts'

export class MoodyStore implements KeyValueStore {
  readonly memory: MemoryStore = new MemoryStore()
  /** Answers come in a later turn, as when other nodes are asked. */
  isSlow = false
  /** What the next operation fails with. */
  failure: Error | undefined

  get limits(): KeyValueLimits {
    return this.memory.limits
  }

  get(key: Uint8Array): Answer<Entry | undefined> {
    return this.#answer(() => this.memory.get(key))
  }

  getMany(keys: readonly Uint8Array[]): Answer<readonly (Entry | undefined)[]> {
    return this.#answer(() => this.memory.getMany(keys))
  }

  set(key: Uint8Array, write: Write): Answer<void> {
    return this.#answer(() => this.memory.set(key, write))
  }

  delete(key: Uint8Array): Answer<boolean> {
    return this.#answer(() => this.memory.delete(key))
  }

  update<Result>(key: Uint8Array, decide: (entry: Entry | undefined) => Decision<Result>): Answer<Result> {
    return this.#answer(() => this.memory.update(key, decide))
  }

  takeUnique(): bigint {
    return this.memory.takeUnique()
  }

  scan(cursor: number, count: number): Page {
    return this.memory.scan(cursor, count)
  }

  count(): number {
    return this.memory.count()
  }

  flush(): Promise<number> {
    return this.memory.flush()
  }

  #answer<T>(operation: () => Answer<T>): Answer<T> {
    const { failure } = this
    this.failure = undefined
    const run = (): Answer<T> => {
      if (failure !== undefined) throw failure
      return operation()
    }
    return this.isSlow ? new Promise((resolve) => setImmediate(resolve)).then(run) : run()
  }
}
