import assert from 'node:assert/strict'
import { tableLines } from '../../src/table.ts'
import { isWhole, SHARD_COLUMNS, shardRows } from '../../src/views/shards.ts'
import { statusSample } from '../support/fake-admin.ts'

describe('the shards of a cluster', () => {
  it('are listed with their holders by name', () => {
    const status = statusSample(0)
    const [first, second, ...rest] = status.node.shards
    const rows = shardRows({
      ...status,
      node: {
        ...status.node,
        shards: [{ ...first!, readyHolders: ['12D3KooWbbbbbbbb', '12D3KooWnobodyknown'] }, second!, ...rest],
      },
    })
    assert.deepEqual(tableLines(SHARD_COLUMNS, rows), [
      'SHARD  READY   HOLDERS',
      '    0  1 of 2  node-1 (not ready), node-2, …odyknown (leaving)',
      '    1  2 of 2  node-2, node-3',
      '    2  2 of 2  node-3, node-1',
      '    3  2 of 2  node-1, node-2',
    ])
    assert.deepEqual(rows.map(isWhole), [false, true, true, true])
  })

  it('have a shape for programs', () => {
    assert.deepEqual(shardRows(statusSample(0))[0], {
      shard: 0,
      holders: [
        { name: 'node-1', peerId: '12D3KooWaaaaaaaa', ready: true },
        { name: 'node-2', peerId: '12D3KooWbbbbbbbb', ready: true },
      ],
      leaving: [],
    })
  })
})
