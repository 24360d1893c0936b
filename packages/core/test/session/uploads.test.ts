import assert from 'node:assert/strict'
import {
  BLOB_CHUNK_BYTES,
  BLOB_TOMBSTONE_MS,
  CACHE_BYTES_MIN,
  FRAME_BYTES_MAX,
  INSIDE_BYTES_MAX,
  OUTSIDE_BYTES_MIN,
  RING_BYTES_MAX,
  UPLOAD_WINDOW_BYTES,
} from '../../src/constants.ts'
import { CopiesError, LimitError } from '../../src/errors.ts'
import { chunkName, isChunkKey } from '../../src/session/blob.ts'
import { isReference } from '../../src/session/record.ts'
import { bucketOf, shardOfBucket } from '../../src/table/key-hash.ts'
import type { Delivery } from '../support/cluster.ts'
import { bytes, Cluster, chunksAt, keyOf, texts, wholeTexts } from '../support/cluster.ts'
import { keyHash } from '../support/key-hash.ts'

const ID = 'basket-17'
const LARGE = 5 * BLOB_CHUNK_BYTES + 100

function withSession(options: ConstructorParameters<typeof Cluster>[0] = {}): Cluster {
  const cluster = Cluster.ready(options)
  cluster.establish('a', ID, { item: 'tea' })
  cluster.run(100)
  cluster.sent.length = 0
  return cluster
}

/** A member speaks version 1 of the wire. */
function withEarlier(node: string): (a: string, b: string) => number {
  return (a, b) => (a === node || b === node ? 1 : 2)
}

const large = (letter: string, byteLength = LARGE): string => letter.repeat(byteLength)

/** Keys of the records that a delivery carries, whatever it is. */
function keysOf({ frame, message }: Delivery): string[] {
  const records = frame?.records ?? (message !== undefined && 'records' in message ? message.records : [])
  return records.map(({ key }) => key)
}

function isHead(delivery: Delivery): boolean {
  return delivery.carrier === 'frame' && keysOf(delivery).includes(ID)
}

function hasChunks(delivery: Delivery): boolean {
  return (
    delivery.frame?.records.some(({ key, record }) => isChunkKey(keyOfText(key)) && record.kind === 'live') === true
  )
}

const keyOfText = (key: string): ReturnType<typeof keyOf> => key as ReturnType<typeof keyOf>

function valueAt(cluster: Cluster, node: string, name: string): string {
  const value = cluster.record(node, ID).portions.get(name)?.value
  return isReference(value) ? 'outside' : value === undefined ? 'missing' : value === null ? 'absent' : 'inside'
}

describe('uploads', () => {
  describe('[B1] where values lie', () => {
    it('[B1] a large value is spread over many shards, and the head names it', () => {
      const cluster = withSession({ nodes: 6 })
      const { version } = cluster.written(cluster.commit('a', ID, { upload: large('x') }, { copies: 2 }))
      const { value } = cluster.record('a', ID).portions.get('upload') as { value: unknown }
      const number = { tenure: { epoch: 0, node: 'a', incarnation: 1 }, seq: 1 }
      assert.deepEqual(value, { number, byteLength: LARGE })
      assert.equal(version.seq, 2)
      const keys = chunksAt(cluster.replica('a'), ID)
      assert.equal(keys.length, 6)
      const shardOfKey = (key: string): number => shardOfBucket(bucketOf(keyHash(key)))
      assert(new Set(keys.map(shardOfKey)).size > 1)
      for (const key of keys) assert.deepEqual(chunkName(key).number, number)
      cluster.run(200)
      for (const key of keys) {
        const holders = cluster.nodes.filter((node) => cluster.replica(node).peek(key) !== undefined)
        const { readyHolders } = cluster.replica('a').status().shards[shardOfKey(key)] ?? { readyHolders: [] }
        assert.equal(readyHolders.length, 3)
        for (const holder of readyHolders) assert(holders.includes(holder), `${holder} has its chunk`)
      }
      for (const node of cluster.holdersOf(ID)) assert.equal(valueAt(cluster, node, 'upload'), 'outside')
    })

    it('[B1] values go out above 1,024 bytes and come back below 768', () => {
      const cluster = withSession()
      const swing: [number, string][] = [
        [OUTSIDE_BYTES_MIN, 'inside'],
        [OUTSIDE_BYTES_MIN + 1, 'outside'],
        [OUTSIDE_BYTES_MIN, 'outside'],
        [INSIDE_BYTES_MAX, 'outside'],
        [INSIDE_BYTES_MAX - 1, 'inside'],
        [OUTSIDE_BYTES_MIN, 'inside'],
      ]
      for (const [size, where] of swing) {
        cluster.written(cluster.commit('a', ID, { upload: large('y', size) }, { copies: 2 }))
        assert.equal(valueAt(cluster, 'b', 'upload'), where, `${size} bytes`)
        for (const node of cluster.nodes) {
          assert.equal(wholeTexts(cluster.outcome(cluster.resume(node, ID)))['upload'], large('y', size))
        }
      }
      cluster.run(200)
      for (const node of cluster.nodes) assert.deepEqual(chunksAt(cluster.replica(node), ID), [])
    })

    it('[B1] what does not fit the head goes out, the largest first', () => {
      const cluster = withSession()
      const half = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`p${i}`, 'x'.repeat(1_000)]))
      cluster.written(cluster.commit('a', ID, half, { copies: 2 }))
      const rest = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`q${i}`, 'y'.repeat(990 + (i % 2))]))
      cluster.written(cluster.commit('a', ID, rest, { copies: 2 }))
      const outside = Object.keys(rest).filter((name) => valueAt(cluster, 'b', name) === 'outside')
      assert.equal(outside.length, 14)
      for (const name of outside) assert.equal(rest[name]?.length, 991)
      assert.deepEqual(wholeTexts(cluster.outcome(cluster.resume('c', ID))), { item: 'tea', ...half, ...rest })
    })

    it('[pitfall 14] one value larger than a ring goes in chunks that fit frames, through a window', () => {
      const cluster = withSession()
      const size = RING_BYTES_MAX * 2
      let inFlight = 0
      let most = 0
      const shardsToB = new Map<string, number>()
      cluster.fate = (delivery) => {
        if (delivery.to === 'b' && hasChunks(delivery)) {
          assert(delivery.bytes.length <= FRAME_BYTES_MAX)
          const { shard, number } = delivery.frame?.header ?? { shard: 0, number: 0 }
          shardsToB.set(`${shard} ${number}`, delivery.bytes.length)
          inFlight += delivery.bytes.length
          most = Math.max(most, inFlight)
        }
        if (delivery.message?.type === 'ack' && delivery.from === 'b') inFlight = 0
        return undefined
      }
      cluster.written(cluster.commit('a', ID, { upload: large('z', size) }, { copies: 2, waitMs: 10_000 }))
      assert(most <= 2 * UPLOAD_WINDOW_BYTES, `${most} bytes at once`)
      cluster.fate = () => undefined
      assert.deepEqual(cluster.noticesOf('gone'), [])
      assert.equal(wholeTexts(cluster.outcome(cluster.resume('b', ID)))['upload'], large('z', size))
    })
  })

  describe('[B1] the order: chunks, head, release', () => {
    /** Commit while b and c hear no chunk. @returns how many heads were sent meanwhile. */
    function headsAheadOfChunks(planted: readonly string[]): { cluster: Cluster; request: number; heads: number } {
      const cluster = withSession({ init: () => ({ planted: new Set(planted) }) })
      cluster.fate = (delivery) => (hasChunks(delivery) || delivery.type === 'repair' ? 'lose' : undefined)
      const request = cluster.commit('a', ID, { upload: large('x') }, { copies: 2, waitMs: 5_000 })
      cluster.run(500)
      return { cluster, request, heads: cluster.sent.filter(isHead).length }
    }

    it('[B1] no head names what its holders do not have', () => {
      const { cluster, request, heads } = headsAheadOfChunks([])
      assert.equal(heads, 0)
      assert.equal(cluster.results.has(request), false)
      cluster.fate = () => undefined
      cluster.written(request)
      assert.equal(wholeTexts(cluster.outcome(cluster.resume('b', ID)))['upload'], large('x'))
    })

    it('[B1] a head that is published before its chunks is what the rule is there for', () => {
      const { cluster, heads } = headsAheadOfChunks(['blob-first'])
      assert(heads > 0)
      cluster.crash('a')
      const { outcome } = cluster.outcome(cluster.resume('b', ID))
      assert.equal(outcome, 'partial')
    })

    it('[B1] a writer that dies between chunks and head leaves what was there before', () => {
      const cluster = withSession()
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.run(100)
      cluster.fate = (delivery) => (delivery.type === 'ack' && delivery.to === 'a' ? 'lose' : undefined)
      cluster.commit('a', ID, { upload: large('2') }, { copies: 2 })
      cluster.run(100)
      assert(chunksAt(cluster.replica('b'), ID).length > 6, 'chunks of both are at b')
      cluster.crash('a')
      cluster.fate = () => undefined
      const outcome = cluster.outcome(cluster.resume('b', ID))
      assert.equal(outcome.outcome, 'complete')
      assert.equal(wholeTexts(outcome)['upload'], large('1'))
      cluster.written(cluster.commit('b', ID, { item: 'milk' }, { copies: 1 }))
    })

    it('[B1] what was replaced stays until the new head is at everybody who holds it', () => {
      const cluster = withSession()
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.run(200)
      const old = chunksAt(cluster.replica('a'), ID)
      cluster.fate = (delivery) =>
        delivery.to === 'c' && (isHead(delivery) || delivery.type === 'repair') ? 'lose' : undefined
      cluster.written(cluster.commit('a', ID, { upload: large('2') }, { copies: 1 }))
      cluster.run(500)
      assert.equal(cluster.replica('a').status().blobs.releases, 1)
      for (const key of old) assert.equal(cluster.replica('b').peek(key)?.kind, 'live')
      cluster.fate = () => undefined
      cluster.run(1_500)
      for (const key of old) assert.equal(cluster.replica('b').peek(key)?.kind, 'dropped')
      assert.equal(cluster.replica('a').status().blobs.releases, 0)
    })

    it('[B1] released before the new head has its copies, it is missed', () => {
      const cluster = withSession({ init: () => ({ planted: new Set(['blob-release']) }) })
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.run(200)
      cluster.fate = (delivery) => (isHead(delivery) || delivery.type === 'repair' ? 'lose' : undefined)
      cluster.commit('a', ID, { upload: large('2') })
      cluster.run(100)
      cluster.crash('a')
      assert.equal(cluster.outcome(cluster.resume('b', ID)).outcome, 'partial')
    })

    it('[B1] [E3] tombstones of chunks are brief, and nothing of a released value is left after them', () => {
      const cluster = withSession()
      const before = cluster.replica('b').table.size
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.written(cluster.commit('a', ID, { upload: null }, { copies: 2 }))
      cluster.run(300)
      assert.equal(cluster.replica('b').table.size, before + 6)
      cluster.touch('a', ID)
      cluster.run(BLOB_TOMBSTONE_MS / 2)
      cluster.touch('a', ID)
      cluster.run(BLOB_TOMBSTONE_MS / 2 + 2_000)
      for (const node of cluster.nodes) assert.equal(cluster.replica(node).table.size, before, node)
    })

    it('[B1] [I-R4] a holder that was away for as long as the tombstones last does not split the others', () => {
      const cluster = withSession()
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.run(100)
      cluster.cut('a', 'c')
      cluster.cut('b', 'c')
      cluster.written(cluster.commit('a', ID, { upload: null }, { copies: 1 }))
      const isDropped = (): boolean => chunksAt(cluster.replica('b'), ID).length === 0
      cluster.until(isDropped, 'b has the tombstones')
      cluster.run(BLOB_TOMBSTONE_MS / 2)
      cluster.touch('a', ID)
      cluster.run(BLOB_TOMBSTONE_MS / 2 - 1_500)
      // b meets the chunks while it still knows better, a when it does not any more.
      cluster.connect('b', 'c')
      cluster.run(2_000)
      cluster.connect('a', 'c')
      cluster.run(4_000)
      for (const node of cluster.nodes) assert.deepEqual(chunksAt(cluster.replica(node), ID), [], node)
    })

    it('[B1] [I-R12] who wrote a value hears once that it is released', () => {
      const cluster = withSession({ nodes: 6 })
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.run(100)
      cluster.outcome(cluster.resume('b', ID))
      cluster.written(cluster.commit('b', ID, { upload: null }, { copies: 2 }))
      cluster.sent.length = 0
      cluster.run(2_000)
      const holds = (key: string): boolean => {
        const { table } = cluster.replica('a')
        return cluster.replica('a').shardState(table.shardOf(keyOfText(key))) === 'ready'
      }
      const isChunk = (key: string): boolean => isChunkKey(keyOfText(key))
      const frames = cluster.frames().filter((delivery) => delivery.to === 'a')
      const pushes = cluster.sentOf('push').filter((delivery) => delivery.to === 'a')
      assert(frames.flatMap(keysOf).filter(isChunk).every(holds))
      assert(!pushes.flatMap(keysOf).filter(isChunk).some(holds))
      assert.equal([...frames, ...pushes].flatMap(keysOf).filter(isChunk).length, 6)
      for (const node of cluster.nodes) assert.deepEqual(chunksAt(cluster.replica(node), ID), [], node)
    })

    it('[B1] a drop drops the chunks too, by whomever', () => {
      const cluster = withSession()
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.run(100)
      cluster.drop('b', ID, { copies: 2 })
      cluster.run(500)
      for (const node of cluster.nodes) assert.deepEqual(chunksAt(cluster.replica(node), ID), [], node)
    })

    it('[B1] who takes over only some portions still releases what it replaces', () => {
      const cluster = withSession({ nodes: 6 })
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.run(100)
      const outsider = cluster.nodes.find((node) => !cluster.holdersOf(ID).includes(node) && node !== 'a') as string
      cluster.outcome(cluster.resume(outsider, ID, { portions: ['item'] }))
      cluster.written(cluster.commit(outsider, ID, { upload: 'small' }, { copies: 2 }))
      cluster.run(500)
      for (const node of cluster.nodes) assert.deepEqual(chunksAt(cluster.replica(node), ID), [], node)
    })

    it('[B1] commits of one session keep their order behind an upload', () => {
      const cluster = withSession()
      const first = cluster.commit('a', ID, { upload: large('1'), item: 'first' }, { copies: 2 })
      const second = cluster.commit('a', ID, { item: 'second' })
      const third = cluster.commit('a', ID, { upload: large('3') }, { copies: 2 })
      const fourth = cluster.commit('a', ID, { note: 'fourth' }, { copies: 2 })
      assert.equal(cluster.replica('a').nextVersion(keyOf(ID), cluster.birth('a', ID)), undefined)
      const seqs = [first, second, third, fourth].map((request) => cluster.written(request).version.seq)
      assert.deepEqual(seqs, [2, 3, 4, 5])
      const found = wholeTexts(cluster.outcome(cluster.resume('b', ID)))
      assert.deepEqual(found, { item: 'second', note: 'fourth', upload: large('3') })
      assert.equal(cluster.replica('a').status().blobs.uploads, 0)
      assert.equal(cluster.replica('a').status().blobs.uploadBytes, 0)
    })
  })

  describe('[A1] copies of chunks', () => {
    it('[A1] a commit is confirmed when the chunks and the head have their copies each', () => {
      const cluster = withSession()
      const losing = (delivery: Delivery): 'lose' | undefined =>
        delivery.to === 'c' && (hasChunks(delivery) || delivery.type === 'repair') ? 'lose' : undefined
      cluster.fate = losing
      const one = cluster.commit('a', ID, { upload: large('1') }, { copies: 1 })
      cluster.written(one)
      const two = cluster.commit('a', ID, { upload: large('2') }, { copies: 2, waitMs: 300 })
      const error = cluster.failure(two)
      assert(error instanceof CopiesError)
      assert.equal(error.code, 'TIMEOUT')
      cluster.fate = () => undefined
      cluster.run(2_000)
      assert.equal(wholeTexts(cluster.outcome(cluster.resume('b', ID)))['upload'], large('1'), 'never written')
      assert.equal(chunksAt(cluster.replica('b'), ID).length, 6, 'what was sent of it is dropped')
    })

    it('[A1] [A2] too few holders of any shard that it touches: said at once, and written all the same', () => {
      const cluster = Cluster.ready({ nodes: 2 })
      cluster.establish('a', ID, { item: 'tea' }, 1)
      const request = cluster.commit('a', ID, { upload: large('1') }, { copies: 2 })
      const result = cluster.results.get(request)
      assert(result?.kind === 'failed' && result.error.code === 'NOT_ENOUGH_HOLDERS')
      cluster.run(200)
      assert.equal(wholeTexts(cluster.outcome(cluster.resume('b', ID)))['upload'], large('1'))
    })

    it('[B1] a queued commit waits for one holder, if one can be reached', () => {
      const cluster = withSession()
      const request = cluster.commit('a', ID, { upload: large('1') })
      assert.equal(cluster.results.has(request), false)
      cluster.written(request)
      cluster.run(100)
      for (const other of ['b', 'c']) cluster.cut('a', other)
      const alone = cluster.commit('a', ID, { upload: large('2') })
      assert.equal(cluster.results.get(alone)?.kind, 'written')
    })

    it('a commit that is cancelled ends, and what was sent of it goes', () => {
      const cluster = withSession()
      cluster.fate = ({ type }) => (type === 'ack' ? 'lose' : undefined)
      const request = cluster.commit('a', ID, { upload: large('1') }, { copies: 2 })
      const behind = cluster.commit('a', ID, { item: 'milk' })
      cluster.run(50)
      cluster.step('a', { type: 'cancel', request })
      assert.equal(cluster.failure(request).code, 'TIMEOUT')
      cluster.fate = () => undefined
      cluster.written(behind)
      cluster.run(2_000)
      assert.deepEqual(texts(cluster.record('b', ID)), { item: 'milk' })
      for (const node of cluster.nodes) assert.deepEqual(chunksAt(cluster.replica(node), ID), [], node)
    })

    it('a session that is dropped under an upload stays dropped', () => {
      const cluster = withSession()
      const request = cluster.commit('a', ID, { upload: large('1') }, { copies: 2 })
      cluster.drop('a', ID)
      assert.equal(cluster.failure(request).code, 'DROPPED')
      cluster.run(500)
      for (const node of cluster.nodes) assert.deepEqual(chunksAt(cluster.replica(node), ID), [], node)
    })

    it('what would take more than half of the cache is refused before anything is sent', () => {
      const cluster = withSession({ init: () => ({ cacheBytesMax: CACHE_BYTES_MIN }) })
      const error = cluster.failure(cluster.commit('a', ID, { upload: large('1', CACHE_BYTES_MIN / 2 + 1) }))
      assert(error instanceof LimitError)
      assert.equal(error.limit, 'cache.bytesMax')
      assert.deepEqual(cluster.frames(), [])
    })

    it('[W2] a raised life of the writer ends what it uploads, and what it wrote stays readable', () => {
      const cluster = withSession()
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.fate = ({ type }) => (type === 'ack' ? 'lose' : undefined)
      const request = cluster.commit('a', ID, { upload: large('2') }, { copies: 2 })
      cluster.hear('a', 'b', { type: 'refused', knownIncarnation: 40 })
      assert.equal(cluster.failure(request).code, 'TIMEOUT')
      cluster.fate = () => undefined
      cluster.run(5_000)
      cluster.written(cluster.commit('a', ID, { upload: large('3') }, { copies: 2 }))
      assert.equal(wholeTexts(cluster.outcome(cluster.resume('c', ID)))['upload'], large('3'))
    })
  })

  describe('members of an earlier wire version', () => {
    it('[B1] are never sent what they cannot read: large values are refused while one is here', () => {
      const cluster = withSession({ nodes: 4, wire: withEarlier('d') })
      const { sent } = cluster
      const error = cluster.failure(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      assert(error instanceof LimitError)
      assert.equal(error.limit, 'HEAD_BYTES_MAX')
      assert.match(error.message, /upgrade/)
      cluster.written(cluster.commit('a', ID, { upload: large('1', 30_000) }, { copies: 2 }))
      assert.equal(valueAt(cluster, 'a', 'upload'), 'inside')
      assert.deepEqual(sent.filter(hasChunks), [])
      cluster.crash('d')
      cluster.run(10_000)
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
    })

    it('[B1] one that comes to large values knows their sessions without them', () => {
      const cluster = withSession({ nodes: 3, wire: withEarlier('d') })
      cluster.written(cluster.commit('a', ID, { upload: large('1') }, { copies: 2 }))
      cluster.sent.length = 0
      cluster.join('d')
      cluster.until(() => cluster.replica('d').isReady, 'd is ready', 60_000)
      cluster.written(cluster.commit('a', ID, { item: 'milk' }, { copies: 2 }))
      const found = cluster.outcome(cluster.resume('d', ID))
      assert.equal(found.outcome, 'partial')
      assert.deepEqual('missing' in found && found.missing, ['upload'])
      assert.equal(wholeTexts(found)['item'], 'milk')
      // What it writes takes nothing away from the others.
      cluster.written(cluster.commit('d', ID, { item: 'rum' }, { copies: 2 }))
      const whole = cluster.outcome(cluster.resume('b', ID))
      assert.deepEqual(wholeTexts(whole), { item: 'rum', upload: large('1') })
      cluster.drop('b', ID)
      cluster.run(20_000)
      for (const delivery of cluster.sent) {
        if (delivery.to !== 'd') continue
        assert.equal(
          keysOf(delivery).some((key) => isChunkKey(keyOfText(key))),
          false,
          delivery.type,
        )
      }
      assert.deepEqual(cluster.noticesOf('bad-message'), [])
    })
  })

  it('[B1] a number that was not taken is refused', () => {
    const cluster = withSession()
    const taken = cluster.replica('a').takeBlobNumber()
    const commit = (seq: number): number =>
      cluster.commit(
        'a',
        ID,
        {},
        {
          changes: new Map([['sealed', bytes('secret')]]),
          numbers: new Map([['sealed', { ...taken, seq }]]),
          copies: 2,
        },
      )
    assert.equal(cluster.failure(commit(taken.seq + 1)).code, 'USAGE')
    cluster.written(commit(taken.seq))
    assert.deepEqual(cluster.record('b', ID).portions.get('sealed')?.value, { number: taken, byteLength: 6 })
  })
})
