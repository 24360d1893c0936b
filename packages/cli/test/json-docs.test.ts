/**
 * The examples in docs/json.md, held against what the commands print: the document is the promise. `REPRISE_GOLDEN=write` writes
 * them anew; a difference in a name that was there before breaks somebody's script.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterState } from '../src/state/cluster-state.ts'
import { benchJson } from '../src/views/bench.ts'
import { runJson, scenariosJson } from '../src/views/chaos.ts'
import { checkJson, judge } from '../src/views/check.ts'
import { nodesJson } from '../src/views/cluster-nodes.ts'
import { clustersJson } from '../src/views/clusters.ts'
import { endedJson } from '../src/views/ended-clusters.ts'
import { identityJson } from '../src/views/identity.ts'
import { keyRows, keysJson } from '../src/views/keys.ts'
import { memberRows, membersJson } from '../src/views/members.ts'
import { doneJson, sessionJson } from '../src/views/session.ts'
import { settingsJson } from '../src/views/settings.ts'
import { shardRows, shardsJson } from '../src/views/shards.ts'
import { issuesOf, type NodeReport, statusJson } from '../src/views/status.ts'
import { RECORD_SAMPLE } from './support/chaos-record.ts'
import { CHECK_SHORT_SAMPLE, SESSION_SAMPLE, statusSample } from './support/fake-admin.ts'

const FILE = join(import.meta.dirname, '../../../docs/json.md')

const PEER_ID = '12D3KooWaaaaaaaa'
const NODE = {
  name: 'node-1',
  pid: 4712,
  peerId: PEER_ID,
  listen: `/ip4/127.0.0.1/tcp/5001/p2p/${PEER_ID}`,
  admin: 'http://127.0.0.1:7001',
  tlsPort: 6001,
}
const CLUSTER: ClusterState = {
  schemaVersion: 1,
  name: 'default',
  pid: 4711,
  processMark: 'mark',
  startedAtMs: 1_795_241_639_380,
  version: '0.1.0',
  nodes: [NODE],
  adminToken: 'hush',
}
const REPORTS: readonly NodeReport[] = [
  { name: 'node-1', admin: NODE.admin, status: statusSample(0) },
  { name: 'node-2', admin: 'http://127.0.0.1:7002', status: undefined, why: 'silent for 3.0 s' },
]
const SILENT = [{ name: 'node-2', why: 'silent for 1.0 s' }]

/** By the heading in the document. */
const EXAMPLES: Readonly<Record<string, object>> = {
  'reprise up': nodesJson([NODE]),
  'reprise ps': clustersJson([CLUSTER], [{ cluster: CLUSTER, node: NODE, state: 'ready' }]),
  'reprise down': endedJson([{ name: 'default', pid: 4711, outcome: 'stopped', nodes: 3, tookMs: 152 }]),
  'reprise id init': identityJson({
    peerId: PEER_ID,
    dataDir: '/var/lib/reprise',
    isNew: true,
    addresses: [`/dns4/HOST/tcp/PORT/p2p/${PEER_ID}`],
  }),
  'reprise config print': settingsJson([
    { name: 'drainMs', value: 5_000, origin: 'environment', where: 'REPRISE_DRAIN_MS' },
    { name: 'secret', value: 'hush', origin: 'environment', where: 'REPRISE_SECRET' },
  ]),
  'reprise status': statusJson('default', REPORTS, issuesOf(REPORTS)),
  'reprise members': membersJson('node-1', memberRows(statusSample(0)).slice(0, 2)),
  'reprise shards': shardsJson('node-1', shardRows(statusSample(0)).slice(0, 1)),
  'reprise session get, set, resume': sessionJson(SESSION_SAMPLE, 'node-1'),
  'reprise session touch, drop': doneJson('cart-17', 'dropped', 'node-1'),
  'reprise keys list, rotate': keysJson(
    'edge',
    keyRows(
      ['3f1c9a0b52d4e867', '90ab12cd34ef5678', '0123456789abcdef'].map((id, i) => {
        return { id, dueAtMs: -43_200_000 * i, key: Buffer.alloc(48) }
      }),
      5_000,
    ),
  ),
  'reprise check': checkJson(CHECK_SHORT_SAMPLE, judge(CHECK_SHORT_SAMPLE, SILENT), 'node-1', SILENT),
  'reprise bench': benchJson(
    { profile: 'resume', nodes: 3, clients: 16, durationMs: 5_000 },
    { operations: 33_960, failed: 0, tookMs: 5_000, latencyMs: { p50: 1.3, p90: 4.8, p99: 20.1, max: 108.4 } },
  ),
  'reprise chaos list': scenariosJson([{ scenario: RECORD_SAMPLE.scenario, backends: ['sim', 'proc', 'netns'] }]),
  'reprise chaos run': runJson(RECORD_SAMPLE, '/tmp/out.html'),
}

describe('docs/json.md', () => {
  for (const [heading, example] of Object.entries(EXAMPLES)) {
    it(`shows what ${heading} prints with --json`, () => {
      const text = readFileSync(FILE, 'utf8')
      const block = new RegExp(`(^## ${heading}\\n[^#]*?^\`\`\`json\\n)([^\`]*)(^\`\`\`)`, 'm')
      const [, before = '', shown, after = ''] = block.exec(text) ?? []
      assert.ok(shown !== undefined, 'there is such a heading with an example')
      const expected = `${JSON.stringify(example, undefined, 2)}\n`
      if (process.env['REPRISE_GOLDEN'] === 'write') {
        writeFileSync(
          FILE,
          text.replace(block, () => before + expected + after),
        )
        return
      }
      assert.equal(shown, expected)
    })
  }

  it('promises a version in each', () => {
    for (const example of Object.values(EXAMPLES)) assert.equal(Reflect.get(example, 'schemaVersion'), 1)
  })
})
