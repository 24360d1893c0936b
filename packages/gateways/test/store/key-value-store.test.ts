import { createKeyValueStore } from '../../src/index.ts'
import { startNode, startNodes, stopAll } from '../support/cluster.ts'
import { describeKeyValueStore } from '../support/key-value-suite.ts'
import { MemoryStore } from '../support/memory-store.ts'

const REFUSED = 'authn-socache:'

describe('a store of keys and values', () => {
  describe('on a node by itself', () => {
    afterEach(stopAll)
    describeKeyValueStore(async () => ({
      store: createKeyValueStore({ node: await startNode() }),
      refused: REFUSED,
      unixMs: Date.now,
    }))
  })

  describe('on a node among others', () => {
    afterEach(stopAll)
    describeKeyValueStore(async () => {
      const [node] = await startNodes(3)
      if (node === undefined) throw new Error('no node')
      return { store: createKeyValueStore({ node, readDeadlineMs: 1_000 }), refused: REFUSED, unixMs: Date.now }
    })
  })

  describe('in a map, for tests of protocols', () => {
    describeKeyValueStore(async () => {
      const store = new MemoryStore()
      return { store, refused: 'refused:', unixMs: () => store.nowMs }
    })
  })
})
