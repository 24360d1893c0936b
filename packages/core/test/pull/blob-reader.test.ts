import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BLOB_CHUNK_BYTES, BLOB_PULLS_MAX, CACHE_BYTES_MIN } from '../../src/constants.ts'
import type { Outcome } from '../../src/outbox.ts'
import { chunkName, isChunkKey } from '../../src/session/blob.ts'
import { isReference } from '../../src/session/record.ts'
import type { Snapshot } from '../../src/table/entry.ts'
import type { Delivery } from '../support/cluster.ts'
import { Cluster, chunksAt, keyOf, wholeTexts } from '../support/cluster.ts'

const ID = 'basket-17'
const CHUNKS = 6
const LARGE = CHUNKS * BLOB_CHUNK_BYTES - 100

const large = (letter: string, byteLength = LARGE): string => letter.repeat(byteLength)

/** Six members, of which f holds nothing: whatever it has it fetched. */
function withUpload(options: ConstructorParameters<typeof Cluster>[0] = {}): Cluster {
  const cluster = Cluster.ready({
    nodes: 6,
    ...options,
    init: (node) => ({ ...options.init?.(node), ...(node === 'f' ? { weight: 0 } : {}) }),
  })
  cluster.establish('a', ID, { item: 'tea', upload: large('1') })
  cluster.run(200)
  cluster.sent.length = 0
  return cluster
}

function pulledChunks(cluster: Cluster): string[] {
  return cluster
    .sentOf('pull-chunk')
    .map(({ message }) => chunkName(message.key))
    .map(({ portion, index }) => `${portion} ${index}`)
}

function isChunkAnswer({ message }: Delivery): boolean {
  return message?.type === 'answer' && message.records.some(({ key }) => isChunkKey(key))
}

function missingOf(outcome: Outcome): readonly string[] {
  assert(outcome.outcome === 'partial', outcome.outcome)
  return outcome.missing
}

describe('reading large values', () => {
  it('[R2] [R4] fetches what the head names, once, and nothing that is here', () => {
    const cluster = withUpload()
    const small = cluster.outcome(cluster.resume('f', ID, { portions: ['item'] }))
    assert.equal(small.outcome, 'complete')
    assert.deepEqual(pulledChunks(cluster), [], 'what is not asked for is not fetched')
    assert.equal(wholeTexts(small)['upload'], '?')

    const whole = cluster.outcome(cluster.resume('f', ID))
    assert.equal(whole.outcome, 'complete')
    assert.deepEqual(wholeTexts(whole), { item: 'tea', upload: large('1') })
    assert.equal(whole.from.local, false)
    assert.deepEqual(
      pulledChunks(cluster),
      Array.from({ length: CHUNKS }, (_, index) => `upload ${index}`),
    )

    cluster.sent.length = 0
    const [one] = chunksAt(cluster.replica('f'), ID)
    cluster.replica('f').table.delete(one as ReturnType<typeof keyOf>)
    assert.equal(wholeTexts(cluster.outcome(cluster.resume('f', ID)))['upload'], large('1'))
    assert.equal(pulledChunks(cluster).length, 1)
  })

  it('[R1] [rule R3] says by itself only what is wholly here', () => {
    const cluster = withUpload()
    const local = (node: string, portions?: string[]): Snapshot | undefined =>
      cluster.replica(node).local(keyOf(ID), portions)
    assert.equal(local('f'), undefined)
    cluster.outcome(cluster.resume('f', ID))
    const whole = local('f')
    assert.equal(Buffer.concat([...(whole?.blobs?.get('upload') ?? [])]).toString(), large('1'))
    assert.equal(isReference(whole?.read().portions.get('upload')?.value), true)
    const [one] = chunksAt(cluster.replica('f'), ID)
    cluster.replica('f').table.delete(one as ReturnType<typeof keyOf>)
    assert.equal(local('f'), undefined)
    assert.equal(local('f', ['item'])?.blobs?.size, 0)
  })

  it('[B1] a value that is replaced while it is read: the head is read again', () => {
    const cluster = withUpload()
    const read = replaceWhileRead(cluster)
    assert.equal(read.outcome, 'complete')
    assert.equal(wholeTexts(read)['upload'], large('2', LARGE + 1))
  })

  it('[B1] without reading again it is missed', () => {
    const cluster = withUpload({ init: () => ({ planted: new Set(['blob-reread']) }) })
    assert.deepEqual(missingOf(replaceWhileRead(cluster)), ['upload'])
  })

  /** The pulls of f's read arrive when what it read about is gone everywhere. */
  function replaceWhileRead(cluster: Cluster): Outcome {
    cluster.fate = ({ from, type }) =>
      from === 'f' && type === 'pull-chunk' && cluster.nowMs < heldUntilMs ? 500 : undefined
    const heldUntilMs = cluster.nowMs + 100
    const reading = cluster.resume('f', ID, { deadlineMs: 5_000 })
    cluster.run(50)
    cluster.written(cluster.commit('a', ID, { upload: large('2', LARGE + 1) }, { copies: 2 }))
    return cluster.outcome(reading)
  }

  it('[B1] what is lost is given up only by a head that was read after it could not be found', () => {
    const cluster = withUpload()
    for (const node of cluster.nodes) {
      for (const key of chunksAt(cluster.replica(node), ID)) cluster.replica(node).table.delete(key)
    }
    const reads = (): number => cluster.sentOf('pull').filter(({ from, to }) => from === 'f' && to === 'a').length
    assert.deepEqual(missingOf(cluster.outcome(cluster.resume('f', ID))), ['upload'])
    assert.equal(reads(), 3)
    cluster.sent.length = 0
    // While it is looked for a second time somebody replaces it.
    cluster.fate = ({ from, type }) => (from === 'f' && type === 'pull-chunk' && reads() === 2 ? 100 : undefined)
    const reading = cluster.resume('f', ID, { deadlineMs: 5_000 })
    cluster.until(() => reads() === 2, 'the head is read again')
    cluster.run(50)
    cluster.written(cluster.commit('a', ID, { upload: large('2') }, { copies: 2 }))
    assert.equal(wholeTexts(cluster.outcome(reading))['upload'], large('2'))
  })

  it('[B1] a session that is dropped while it is read is absent', () => {
    const cluster = withUpload()
    const heldUntilMs = cluster.nowMs + 100
    cluster.fate = ({ from, type }) =>
      from === 'f' && type === 'pull-chunk' && cluster.nowMs < heldUntilMs ? 500 : undefined
    const reading = cluster.resume('f', ID, { deadlineMs: 5_000 })
    cluster.run(50)
    cluster.drop('a', ID, { copies: 2 })
    const read = cluster.outcome(reading)
    assert.deepEqual([read.outcome, 'reason' in read && read.reason], ['absent', 'dropped'])
  })

  it('[pitfall 24] what is not whole by the deadline is partial and names the portion, never a mix', () => {
    const cluster = withUpload()
    cluster.written(cluster.commit('a', ID, { other: large('o') }, { copies: 2 }))
    const losesIndex = (delivery: Delivery): boolean => {
      const { message } = delivery
      return (
        message?.type === 'answer' &&
        message.records.some(
          ({ key }) => isChunkKey(key) && chunkName(key).portion === 'upload' && chunkName(key).index === 3,
        )
      )
    }
    cluster.fate = (delivery) => (losesIndex(delivery) ? 'lose' : undefined)
    const startMs = cluster.nowMs
    const read = cluster.outcome(cluster.resume('f', ID, { deadlineMs: 400 }))
    assert.equal(cluster.nowMs - startMs, 400)
    assert.deepEqual(missingOf(read), ['upload'])
    assert.deepEqual(wholeTexts(read), { item: 'tea', other: large('o'), upload: '?' })
    cluster.fate = () => undefined
    cluster.sent.length = 0
    assert.equal(cluster.outcome(cluster.resume('f', ID)).outcome, 'complete')
    assert.deepEqual(pulledChunks(cluster), ['upload 3'], 'the rest was kept')
  })

  it('[pitfall 30] [T1] an evicted chunk is not an absent one: the portion is missing, the session is not', () => {
    const cluster = withUpload()
    for (const node of cluster.nodes) {
      const [one] = chunksAt(cluster.replica(node), ID)
      if (one !== undefined) evict(cluster, node)
    }
    const read = cluster.outcome(cluster.resume('f', ID))
    assert.deepEqual(missingOf(read), ['upload'])
    assert.deepEqual(wholeTexts(read), { item: 'tea', upload: '?' })
    const told = cluster.noticesOf('portion:evicted').filter(({ notice }) => notice.key === ID)
    assert.deepEqual([...new Set(told.map(({ notice }) => notice.portion))], ['upload'])
    assert.equal(told.length, cluster.nodes.length - 1, 'each node tells it once')
    const statuses = cluster.sentOf('answer').map(({ message }) => message.status)
    assert(statuses.includes('evicted'))
  })

  /** Fill a node's cache with newer things, keeping the head of the session in use. */
  function evict(cluster: Cluster, node: string): void {
    const { table } = cluster.replica(node)
    const filler = cluster.record('a', ID)
    for (let n = 0; chunksAt(cluster.replica(node), ID).length > 0; n++) {
      table.get(keyOf(ID))
      const version = { tenure: { epoch: 1, node: 'z', incarnation: 1 }, seq: 1 }
      const portions = new Map([['filler', { version, value: new Uint8Array(1 << 20) }]])
      table.put(keyOf(`filler-${n}`), { ...filler, portions }, cluster.nowMs)
    }
  }

  it('[pitfall 20] fetches a bounded number of chunks at a time, on the bulk lane', () => {
    const cluster = withUpload()
    const count = 3 * BLOB_PULLS_MAX
    cluster.written(
      cluster.commit('a', ID, { upload: large('2', count * BLOB_CHUNK_BYTES) }, { copies: 2, waitMs: 9_000 }),
    )
    cluster.run(200)
    let underWay = 0
    let most = 0
    cluster.fate = (delivery) => {
      if (delivery.type === 'pull-chunk') most = Math.max(most, ++underWay)
      if (!isChunkAnswer(delivery)) return undefined
      assert.equal(delivery.carrier, 'bulk')
      underWay--
      return undefined
    }
    assert.equal(cluster.outcome(cluster.resume('f', ID)).outcome, 'complete')
    assert.equal(most, BLOB_PULLS_MAX)
    assert.equal(cluster.replica('f').status().blobs.reads, 0)
  })

  it('a cache that is too small for the value does not undo the read', () => {
    const cluster = withUpload({ init: (node) => (node === 'f' ? { cacheBytesMax: CACHE_BYTES_MIN } : {}) })
    const size = 2 * CACHE_BYTES_MIN
    cluster.written(cluster.commit('a', ID, { upload: large('2', size) }, { copies: 2, waitMs: 9_000 }))
    assert.equal(wholeTexts(cluster.outcome(cluster.resume('f', ID)))['upload'], large('2', size))
    assert(cluster.replica('f').table.bytes <= CACHE_BYTES_MIN)
  })

  it('goes on at another holder when one is silent or lost, and reads of the same value share it', () => {
    const cluster = withUpload()
    cluster.fate = ({ from, type }) => (from === 'b' && type === 'answer' ? 'lose' : undefined)
    const reads = [1, 2, 3].map(() => cluster.resume('f', ID))
    cluster.run(20)
    cluster.crash('c')
    for (const read of reads) assert.equal(wholeTexts(cluster.outcome(read))['upload'], large('1'))
    assert.equal(cluster.replica('f').status().pulls.underWay, 0)
  })

  it('a read that nobody waits for any more is forgotten', () => {
    const cluster = withUpload()
    cluster.fate = (delivery) => (isChunkAnswer(delivery) ? 'lose' : undefined)
    const read = cluster.resume('f', ID)
    cluster.run(50)
    assert.equal(cluster.replica('f').status().blobs.reads, 1)
    cluster.step('f', { type: 'cancel', request: read })
    assert.equal(cluster.replica('f').status().blobs.reads, 0)
    cluster.run(5_000)
    assert.equal(cluster.results.has(read), false)
    assert.equal(cluster.replica('f').status().pulls.underWay, 0)
  })

  it('[B1] [pitfall 24] whatever is written, taken over, lost and cut, no read gives a value that was never set', function () {
    this.timeout(30_000)
    const sizes = fc.constantFrom(10, 800, 1_100, 20_000, 70_000)
    const node = fc.constantFrom('a', 'b', 'c', 'd')
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(fc.constant('write' as const), node, sizes, fc.nat(2)) },
      { weight: 3, arbitrary: fc.tuple(fc.constant('read' as const), node, sizes, fc.nat(2)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('wait' as const), node, sizes, fc.nat(300)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('cut' as const), node, sizes, fc.nat(2)) },
    )
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 14 }), fc.nat(40), (steps, lossPercent) => {
        let drawn = 1
        const cluster = Cluster.ready({ nodes: 4 })
        cluster.establish('a', ID, { item: 'tea' })
        cluster.fate = () => {
          drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) >>> 0
          return (drawn >>> 8) % 100 < lossPercent ? 'lose' : (drawn >>> 4) % 7
        }
        const reads: number[] = []
        let contents = 0
        for (const [what, at, size, detail] of steps) {
          if (what === 'wait') cluster.run(detail)
          else if (what === 'read') reads.push(cluster.resume(at, ID, { consistency: detail === 0 ? 'any' : 'latest' }))
          else if (what === 'cut') {
            const other = at === 'a' ? 'b' : 'a'
            cluster.cut(at, other)
            cluster.run(detail * 40)
            cluster.connect(at, other)
          } else if (cluster.replica(at).peek(keyOf(ID)) !== undefined) {
            const letter = String.fromCharCode(65 + contents++)
            const changes = { x: large(letter, size), y: large(letter, size + 1) }
            cluster.commit(at, ID, changes, { copies: detail, waitMs: 2_000 })
          } else reads.push(cluster.resume(at, ID))
        }
        cluster.run(3_000)
        cluster.fate = () => undefined
        for (const other of ['b', 'c', 'd']) cluster.connect('a', other)
        cluster.run(12_000)
        for (const at of cluster.nodes) reads.push(cluster.resume(at, ID))
        cluster.run(1_500)
        for (const [i, request] of reads.entries()) {
          const result = cluster.results.get(request)
          assert(result?.kind === 'resumed', 'every read ends')
          const { outcome } = result
          if (outcome.outcome !== 'complete' && outcome.outcome !== 'partial') continue
          const isLast = i >= reads.length - cluster.nodes.length
          if (isLast) assert.equal(outcome.outcome, 'complete', 'all that is named is there in the end')
          for (const [name, value] of Object.entries(wholeTexts(outcome))) {
            if (value === '?' || name === 'item') continue
            assert.equal(value, value.charAt(0).repeat(value.length), `${name} is of one write`)
          }
        }
      }),
      { numRuns: 30 },
    )
  })
})
