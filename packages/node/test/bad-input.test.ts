/** Bad input of what a node decodes: each throws the one error of its decoder, or gives what can be encoded again. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SealError, toSessionKey, UsageError, WireError } from '@reprise/core'
import fc from 'fast-check'
import { initDataDir, openDataDir } from '../src/data-dir.ts'
import { createSealer, type Place } from '../src/seal.ts'
import { decodeValue, encodeValue, sealValue } from '../src/values.ts'

const SEALER = createSealer([new Uint8Array(32).fill(1)])
const PLACE: Place = {
  key: toSessionKey('s'),
  birth: { generation: 10, random: 20 },
  portion: 'p',
  version: { tenure: { epoch: 1, node: 'a', incarnation: 5 }, seq: 1 },
}
const JSON_TAG = 1

const CORPUS: readonly Uint8Array[] = [
  encodeValue('p', new Uint8Array(20)),
  encodeValue('p', { items: [{ sku: 'tea', n: 1.5 }], none: null, is: true }),
  encodeValue('p', 'ü\0\u2028'),
  ...[{ a: 1 }, new Uint8Array(3)].map((value) => sealValue(encodeValue('p', value), SEALER, PLACE)),
]

const edits = fc.array(
  fc.record({
    at: fc.nat(200),
    remove: fc.nat(4),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.constantFrom('{"__proto__":1}', '[[[[', '\ud800', '1e999', '-0', '\0').map((text) => Buffer.from(text)),
    ),
  }),
  { minLength: 1, maxLength: 4 },
)
const mutated = fc.tuple(fc.constantFrom(...CORPUS), edits).map(([sample, list]) => {
  let bytes = Buffer.from(sample)
  for (const { at, remove, insert } of list) {
    const place = at % (bytes.length + 1)
    bytes = Buffer.concat([bytes.subarray(0, place), insert, bytes.subarray(place + remove)])
  }
  return bytes
})

describe('bad input of stored values', () => {
  it('is a value, a WireError or a SealError: changed samples, a dictionary, noise', () => {
    const noise = fc.uint8Array({ maxLength: 100 })
    fc.assert(
      fc.property(fc.oneof(mutated, noise), (bytes) => {
        const isSealed = ((bytes[0] ?? 0) & 0x80) !== 0
        try {
          const value = decodeValue(bytes, SEALER, PLACE)
          assert(!isSealed || CORPUS.some((sample) => Buffer.compare(sample, bytes) === 0), 'a changed seal opens')
          if (value instanceof Uint8Array && !isSealed) assert.deepEqual([...encodeValue('p', value)], [...bytes])
        } catch (error) {
          if (!(error instanceof WireError) && !(error instanceof SealError)) throw error
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('nested a hundred thousand deep ends, and is no crash', () => {
    for (const text of ['['.repeat(100_000), `${'['.repeat(100_000)}${']'.repeat(100_000)}`]) {
      const bytes = Buffer.concat([Buffer.of(JSON_TAG), Buffer.from(text)])
      try {
        decodeValue(bytes, SEALER, PLACE)
      } catch (error) {
        assert(error instanceof WireError)
      }
    }
  })

  it('named __proto__ or constructor changes no object but its own', () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
    const value = decodeValue(Buffer.concat([Buffer.of(JSON_TAG), Buffer.from(text)]), SEALER, PLACE)
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })
})

describe('bad input of a data directory', () => {
  let parent: string
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'reprise-test-'))
  })
  after(() => rm(parent, { recursive: true }))

  it('is read around where it is a hint, and a UsageError where it is not', async () => {
    const path = join(parent, 'data')
    await (await openDataDir(path, 1)).release()
    const json = fc.oneof(
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify([{ node: value, addresses: [value] }])),
    )
    const files = fc.tuple(
      fc.constantFrom('members', 'incarnation', 'lock'),
      fc.oneof(json, fc.string({ unit: 'binary', maxLength: 40 }), fc.maxSafeNat().map(String)),
    )
    await fc.assert(
      fc.asyncProperty(files, async ([name, content]) => {
        await writeFile(join(path, 'incarnation'), '7\n')
        // A process of that number may live.
        if (name === 'lock' && /\d/.test(content)) return
        await writeFile(join(path, name), content)
        try {
          const dir = await openDataDir(path, 1)
          assert(Number.isSafeInteger(dir.incarnation) && dir.incarnation < 2 ** 48 - 1)
          for (const { node, addresses } of dir.earlierMembers) {
            assert(typeof node === 'string' && addresses.every((address) => typeof address === 'string'))
          }
          await dir.release()
        } catch (error) {
          assert(error instanceof UsageError && name !== 'members', `${name}: ${error}`)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('is a UsageError when it is the identity: noise, empty, cut at any byte', async () => {
    const path = join(parent, 'identity-of')
    const { nodeId } = await initDataDir(path)
    const dir = await openDataDir(path, 1)
    const good = Buffer.from(dir.privateKey)
    await dir.release()
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(68, 0xff),
      ...Array.from(good, (_, at) => good.subarray(0, at)),
    ]) {
      await writeFile(join(path, 'identity'), bytes)
      await assert.rejects(initDataDir(path), UsageError)
    }
    await writeFile(join(path, 'identity'), good)
    assert.equal((await initDataDir(path)).nodeId, nodeId)
  })
})
