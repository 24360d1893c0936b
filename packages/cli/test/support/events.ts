/** A short demo as events, the same each time. */
import type { MemberView } from '../../src/cluster/local-cluster.ts'
import type { DemoEvent, Verdict } from '../../src/demo/events.ts'

export function member(index: number, state: MemberView['state'] = 'up'): MemberView {
  return {
    name: `node-${index}`,
    state,
    pid: 4_000 + index,
    starts: 1,
    info:
      state === 'starting'
        ? undefined
        : {
            peerId: `12D3KooW${index}`,
            incarnation: index,
            listen: `/ip4/127.0.0.1/tcp/${5_000 + index}/p2p/12D3KooW${index}`,
            ports: { peer: 5_000 + index, tls: 6_000 + index, admin: 7_000 + index },
          },
    counters: {
      handshakes: { full: index, local: 10 * index, peers: 100 * index },
      records: 7,
      isReady: true,
      connected: 2,
    },
  }
}

export const VERDICT: Verdict = {
  held: true,
  failedStep: undefined,
  tookMs: 9_870,
  resumptions: 135,
  lost: 0,
  fullMs: 6.04,
  localMs: 2.96,
  peersMs: 5.1,
}

export const BEGUN: readonly DemoEvent[] = [
  { type: 'begin', nodes: 3, steps: ['start the nodes', 'resume all of them', 'kill node-1'] },
  { type: 'step-started', step: 0 },
  ...[1, 2, 3].map((index): DemoEvent => ({ type: 'member', member: member(index, 'starting') })),
  ...[1, 2, 3].map((index): DemoEvent => ({ type: 'member', member: member(index) })),
  { type: 'step-held', step: 0, summary: '3 processes', tookMs: 1_900 },
  { type: 'step-started', step: 1 },
  {
    type: 'handshake',
    handshake: { node: 'node-1', kind: 'TLS 1.3', offered: false, reused: false, origin: 'new', ms: 6.04 },
  },
  {
    type: 'handshake',
    handshake: { node: 'node-2', kind: 'TLS 1.3', offered: true, reused: true, origin: 'peers:node-1', ms: 2.5 },
  },
  { type: 'progress', name: 'resumed', progress: { share: 0.5, text: '1 of 2, now at node-2' } },
]

export const ENDED: readonly DemoEvent[] = [
  { type: 'progress', name: 'resumed', progress: undefined },
  { type: 'step-held', step: 1, summary: '2 of 2 resumed', tookMs: 12 },
  { type: 'step-started', step: 2 },
  {
    type: 'member-ended',
    end: { name: 'node-1', pid: 4_001, expected: true, exitCode: null, signal: 'SIGKILL', lastLines: [] },
  },
  { type: 'member', member: member(1, 'down') },
  { type: 'said', text: 'download: lost node-1, continues at node-2 from byte 8,454,144' },
  { type: 'step-held', step: 2, summary: 'kill -9 4001', tookMs: 20 },
  { type: 'verdict', verdict: VERDICT },
]
