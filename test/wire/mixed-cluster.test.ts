/**
 * An upgrade happens node by node: members of this and of every earlier wire version that is still spoken are one cluster.
 */
import assert from 'node:assert/strict'
import { WIRE_VERSION, WIRE_VERSION_MIN } from '@reprise/core'
import type { Node, NodeOptions } from '@reprise/node'
import { createNode } from '@reprise/node'
import type { Frozen } from './frozen.ts'
import { FROZEN_VERSIONS, loadFrozen } from './frozen.ts'

const LIFETIME = { idleMs: 60_000, absoluteMs: 600_000 }

describe('wire evolution', function () {
  this.timeout(60_000)
  this.slow(5_000)

  it('has a fixture of every earlier version that is spoken', () => {
    const spoken = Array.from({ length: WIRE_VERSION - WIRE_VERSION_MIN }, (_, i) => WIRE_VERSION_MIN + i)
    assert.deepEqual([...FROZEN_VERSIONS], spoken)
  })

  for (const version of FROZEN_VERSIONS) {
    describe(`members of wire ${version} and ${WIRE_VERSION}`, () => {
      let frozen: Frozen
      const nodes: Node[] = []

      before(async () => {
        frozen = await loadFrozen(version)
      })

      afterEach(async () => {
        await Promise.all(nodes.splice(0).map((node) => node.stop()))
      })

      /** A cluster of nodes made in this order, each joining the first. */
      const form = async (makers: readonly (typeof createNode)[], options: NodeOptions = {}): Promise<Node[]> => {
        for (const make of makers) {
          const join = nodes[0]?.addresses ?? []
          nodes.push(await make({ secret: 'sixteen bytes or more', ...options, join }))
        }
        await Promise.all(nodes.map((node) => node.whenReady({ members: makers.length })))
        return nodes
      }

      for (const [name, pick] of [
        ['an old one first', (old: Frozen) => [old.createNode, createNode, createNode]],
        ['a new one first', (old: Frozen) => [createNode, old.createNode, old.createNode]],
      ] as const) {
        it(`[R3] [R12] ${name}: what one confirms, every other resumes, goes on with, and drops`, async () => {
          const cluster = await form(pick(frozen))
          for (const [i, writer] of cluster.entries()) {
            const id = `written-at-${i}`
            const session = await writer.create(id, LIFETIME)
            session.set('basket', { items: [i] })
            await session.commit({ copies: 2 })
            for (const [j, reader] of cluster.entries()) {
              const found = await reader.resume(id)
              assert(found.outcome === 'complete', `${id} at ${j} is ${found.outcome}`)
              assert.deepEqual(found.get('basket'), { items: [i, ...range(j)] })
              found.set('basket', { items: [i, ...range(j + 1)] })
              await found.commit({ copies: 2 })
            }
            const last = await (cluster[(i + 1) % cluster.length] as Node).resume(id)
            assert(last.outcome === 'complete')
            assert.deepEqual(last.get('basket'), { items: [i, ...range(cluster.length)] })
            await last.drop()
            for (const reader of cluster) assert.equal((await reader.resume(id)).outcome, 'absent')
          }
        })
      }

      it('[R5] an upgrade node by node loses no confirmed session', async () => {
        const cluster = await form([frozen.createNode, frozen.createNode, frozen.createNode])
        const ids = Array.from({ length: 60 }, (_, i) => `upgrade-${i}`)
        for (const [i, id] of ids.entries()) {
          const session = await (cluster[i % 3] as Node).create(id, LIFETIME)
          session.set('n', i)
          await session.commit({ copies: 2 })
        }
        for (let i = 0; i < 3; i++) {
          const old = nodes.shift() as Node
          const join = nodes[0]?.addresses ?? []
          nodes.push(await createNode({ secret: 'sixteen bytes or more', join }))
          await Promise.all(nodes.map((node) => node.whenReady({ members: 4 })))
          await old.stop()
          await Promise.all(nodes.map((node) => node.whenReady({ members: 3 })))
        }
        for (const [i, id] of ids.entries()) {
          const found = await (nodes[(i + 1) % 3] as Node).resume(id)
          assert(found.outcome === 'complete', `${id} is ${found.outcome}`)
          assert.equal(found.get('n'), i)
        }
      })
    })
  }
})

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
