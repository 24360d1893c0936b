import assert from 'node:assert/strict'
import { tableLines } from '../../src/table.ts'
import { MEMBER_COLUMNS, memberRows } from '../../src/views/members.ts'
import { statusSample } from '../support/fake-admin.ts'

describe('the members of a cluster', () => {
  it('are listed with who was asked first', () => {
    const status = statusSample(1)
    const [node1, node3] = status.node.members
    const rows = memberRows({
      ...status,
      node: { ...status.node, members: [{ ...node3!, state: 'dead', connected: false, heardAgoMs: 42_000 }, node1!] },
    })
    assert.deepEqual(tableLines(MEMBER_COLUMNS, rows), [
      'NAME    STATE  ROLE        ZONE     RTT       HEARD  PEER       ADDRESS',
      'node-2  alive  member      -          -           -  …bbbbbbbb  /ip4/127.0.0.1/tcp/5002',
      'node-1  alive  member      -     1.3 ms  180 ms ago  …aaaaaaaa  /ip4/127.0.0.1/tcp/5001',
      'node-3  dead   repository  east       -    42 s ago  …cccccccc  /ip4/127.0.0.1/tcp/5003',
    ])
  })

  it('have a shape for programs', () => {
    const [, member] = memberRows(statusSample(0))
    assert.deepEqual(member, {
      name: 'node-2',
      peerId: '12D3KooWbbbbbbbb',
      state: 'alive',
      role: 'member',
      zone: '',
      incarnation: 1_001,
      addresses: ['/ip4/127.0.0.1/tcp/5002/p2p/12D3KooWbbbbbbbb'],
      roundTripMs: 2.5,
      heardAgoMs: 360,
    })
  })
})
