import assert from 'node:assert/strict'
import { tableLines } from '../../src/table.ts'
import { headline, issuesOf, type NodeReport, STATUS_COLUMNS, statusJson } from '../../src/views/status.ts'
import { statusSample } from '../support/fake-admin.ts'

const HEALTHY: readonly NodeReport[] = ([0, 1, 2] as const).map((index) => ({
  name: `node-${index + 1}`,
  admin: `http://127.0.0.1:${7_001 + index}`,
  status: statusSample(index),
}))

function troubled(): NodeReport[] {
  const status = statusSample(0)
  const [first, second, ...shards] = status.node.shards
  const [member, ...members] = status.node.members
  return [
    {
      name: 'node-1',
      admin: 'http://127.0.0.1:7001',
      status: {
        ...status,
        state: 'catching-up',
        node: {
          ...status.node,
          members: [{ ...member!, state: 'suspect' }, ...members],
          shards: [
            { ...first!, readyHolders: [] },
            { ...second!, readyHolders: second!.readyHolders.slice(1) },
            ...shards,
          ],
          table: { ...status.node.table, evictions: 12_345 },
          streams: { ...status.node.streams, ejected: 1 },
          droppedInputs: 2,
          badMessages: 1,
        },
        process: { ...status.process, eventLoopDelayMs: { p50: 1, p99: 800, max: 2_000 } },
      },
    },
    { name: 'node-2', admin: 'http://127.0.0.1:7002', status: undefined, why: 'silent for 3.0 s' },
  ]
}

describe('the status of a cluster', () => {
  it('is a line, and a row for each node', () => {
    assert.deepEqual(issuesOf(HEALTHY), [])
    assert.equal(headline('default', HEALTHY, []), 'default: 3 of 3 nodes answer, no issues')
    assert.deepEqual(tableLines(STATUS_COLUMNS, HEALTHY), [
      'NODE    STATE  MEMBERS  SHARDS  RECORDS                CACHE  RESUMES  LOCAL       RSS  LOOP P99     UP',
      'node-1  ready        3     3/3    1,234  3.2 MiB of 64.0 MiB      100   90 %  93.5 MiB    3.3 ms  4 min',
      'node-2  ready        3     3/3    1,234  3.2 MiB of 64.0 MiB      100   90 %  93.5 MiB    3.3 ms  4 min',
      'node-3  ready        3     2/2    1,234  3.2 MiB of 64.0 MiB      100   90 %  93.5 MiB    3.3 ms  4 min',
    ])
  })

  it('names what is not as it should be, the worst first', () => {
    const reports = troubled()
    const issues = issuesOf(reports)
    assert.deepEqual(
      issues.map(({ level, text }) => `${level}: ${text}`),
      [
        'critical: node-1 does not hear node-2 (suspect)',
        'critical: node-2 does not answer: silent for 3.0 s',
        'critical: nobody is ready for 1 shard: 0',
        'warning: node-1 is catching-up',
        'warning: node-1 put out 12,345 sessions for want of memory',
        'warning: node-1 has 1 holder that is too far behind',
        'warning: node-1 dropped 2 messages that it was too busy for',
        'warning: node-1 got 1 message that made no sense',
        'warning: node-1 is busy: its event loop is 800 ms late',
        'warning: 2 copies besides the primary take 3 members, and 2 live',
        'warning: 1 shard with holders that are not ready: 1',
      ],
    )
    assert.equal(headline(undefined, reports, issues), '1 of 2 nodes answers, 11 issues')
    assert.deepEqual(tableLines(STATUS_COLUMNS, reports).slice(1), [
      'node-1  catching-up        2     3/3    1,234  3.2 MiB of 64.0 MiB      100   90 %  93.5 MiB    800 ms  4 min',
      'node-2  silent             -       -        -                    -        -      -         -         -      -',
    ])
  })

  it('warns before what was dropped fills a cache', () => {
    const status = statusSample(0)
    const withTable = (changes: object): string[] => {
      const table = { ...status.node.table, bytesMax: 1_000, bytes: 850, records: 10, tombstones: 6, ...changes }
      return issuesOf([{ name: 'node-1', admin: '', status: { ...status, node: { ...status.node, table } } }]).map(
        ({ text }) => text,
      )
    }
    const warning = 'node-1 remembers 6 dropped sessions, and will refuse new ones when its cache is full'
    assert(withTable({}).includes(warning))
    assert(!withTable({ bytes: 700 }).includes(warning), 'there is room')
    assert(!withTable({ tombstones: 4 }).includes(warning), 'the others can be put out')
  })

  it('has a shape for programs', () => {
    const [first, second] = troubled()
    const issues = issuesOf([HEALTHY[0]!])
    assert.deepEqual(statusJson('default', [HEALTHY[0]!, second!], [...issues, { level: 'critical', text: 'x' }]), {
      schemaVersion: 1,
      cluster: 'default',
      nodes: [
        {
          name: 'node-1',
          admin: 'http://127.0.0.1:7001',
          answered: true,
          peerId: '12D3KooWaaaaaaaa',
          pid: 4001,
          version: '0.1.0',
          state: 'ready',
          uptimeMs: 250_000,
          membersAlive: 3,
          shardsHeld: 3,
          shardsReady: 3,
          records: 1_234,
          cacheBytes: 3_400_000,
          cacheBytesMax: 67_108_864,
          evictions: 0,
          resumesLocal: 90,
          resumesPeers: 10,
          rssBytes: 98_000_000,
          eventLoopDelayP99Ms: 3.25,
        },
        { name: 'node-2', admin: 'http://127.0.0.1:7002', answered: false, why: 'silent for 3.0 s' },
      ],
      issues: [{ level: 'critical', text: 'x' }],
    })
    assert.equal(JSON.parse(JSON.stringify(statusJson(undefined, [first!], []))).cluster, null)
  })
})
