import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type Admin, type GatewaysFigures, type MetricFamily, startAdmin } from '@reprise/admin'
import { MEMBER_SERIES_MAX } from '../src/constants.ts'
import { formatMetrics } from '../src/metrics/format.ts'
import { ask } from './support/ask.ts'
import { FakeNode, member } from './support/fake-node.ts'
import { type ParsedFamily, parseMetrics } from './support/prometheus.ts'

const REPOSITORY = {
  shards: 64,
  persistent: true,
  records: 3,
  bytes: 4_096,
  queued: 2,
  degraded: true,
  failedWrites: 1,
  lastWriteAgoMs: 1_500,
}

const GATEWAYS: GatewaysFigures = {
  memcached: {
    connections: { open: 1, accepted: 2, refused: 3 },
    commands: 4,
    errors: 5,
    hits: 6,
    misses: 7,
    bytes: { in: 8, out: 9 },
  },
  sessiond: { commands: 40, errors: 50, hits: 60, misses: 70, bytes: { in: 80, out: 90 } },
}

describe('metrics', () => {
  let node: FakeNode
  let admin: Admin
  let added: readonly MetricFamily[]
  let gateways: GatewaysFigures

  beforeEach(async () => {
    node = new FakeNode()
    added = []
    gateways = {}
    admin = await startAdmin({ node, gateways: () => gateways, extension: { metrics: () => added } })
  })

  afterEach(() => admin.close())

  async function scrape(): Promise<ReadonlyMap<string, ParsedFamily>> {
    const { status, headers, text } = await ask(admin, '/metrics')
    assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8'])
    return parseMetrics(text)
  }

  async function status(): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse((await ask(admin, '/status')).text)
  }

  it('are what docs/metrics.md says, by name, labels, type, unit and meaning, and nothing else', async () => {
    node.members = [member('a')]
    node.repository = REPOSITORY
    gateways = GATEWAYS
    const families = [...(await scrape()).values()]
    const told = families.map((family) => ({ ...family, labels: labelsOf(family), unit: unitOf(family.name) }))
    const lines = told.map(({ name, labels, type, unit, help }): Line => ({ name, labels, type, unit, help }))
    assert.deepEqual(lines.sort(byName), documented().sort(byName))
  })

  it('[R14] tell of a repository what is on its disk and what is not, and of other nodes nothing', async () => {
    assert.equal((await scrape()).has('reprise_repository_records'), false)
    node.repository = REPOSITORY
    const families = await scrape()
    const value = (name: string): number | undefined => families.get(`reprise_repository_${name}`)?.samples[0]?.value
    assert.deepEqual([value('queued_records'), value('degraded'), value('last_write_seconds')], [2, 1, 1.5])
    node.repository = { ...REPOSITORY, lastWriteAgoMs: undefined }
    assert.equal((await scrape()).has('reprise_repository_last_write_seconds'), false)
  })

  it('tell of each gateway what it has counted, and of a node without them nothing', async () => {
    const names = (families: ReadonlyMap<string, ParsedFamily>): string[] =>
      [...families.keys()].filter((name) => name.startsWith('reprise_gateway_'))
    assert.deepEqual(names(await scrape()), [])
    assert.equal('gateways' in (await status()), false)

    gateways = GATEWAYS
    const families = await scrape()
    assert.equal(names(families).length, 7)
    const series = (name: string): string[] =>
      (families.get(`reprise_gateway_${name}`)?.samples ?? []).map(
        ({ labels, value }) => `${[...labels.values()].join(' ')} ${value}`,
      )
    assert.deepEqual(series('connections'), ['memcached 1'])
    assert.deepEqual(series('connections_accepted_total'), ['memcached 2'])
    assert.deepEqual(series('connections_refused_total'), ['memcached 3'])
    assert.deepEqual(series('commands_total'), ['memcached 4', 'sessiond 40'])
    assert.deepEqual(series('errors_total'), ['memcached 5', 'sessiond 50'])
    assert.deepEqual(series('lookups_total').sort(), [
      'memcached hit 6',
      'memcached miss 7',
      'sessiond hit 60',
      'sessiond miss 70',
    ])
    assert.deepEqual(series('bytes_total'), ['memcached in 8', 'memcached out 9', 'sessiond in 80', 'sessiond out 90'])
    assert.deepEqual((await status())['gateways'], GATEWAYS)

    const { sessiond } = GATEWAYS
    gateways = { ...(sessiond && { sessiond }) }
    assert.equal(names(await scrape()).length, 4)
  })

  it('have names with a prefix and the unit, and counters end with _total', async () => {
    for (const { name, type } of (await scrape()).values()) {
      assert.match(name, /^reprise_[a-z_]+$/)
      assert.equal(name.endsWith('_total'), type === 'counter', name)
      assert.doesNotMatch(name, /_(?:ms|milliseconds|kb|mb|percent)(?:_|$)/)
    }
  })

  it('have one series a member, and the worst of the rest together', async () => {
    node.members = Array.from({ length: MEMBER_SERIES_MAX + 10 }, (_, i) => member(`m${String(i).padStart(4, '0')}`))
    node.members = [...node.members, member('z1', { roundTripMs: 9_000, connected: false, state: 'suspect' })]
    node.members = [...node.members, member('z2', { state: 'dead', roundTripMs: 99_000 })]
    const families = await scrape()
    const trips = families.get('reprise_member_round_trip_seconds')?.samples ?? []
    assert.equal(trips.length, MEMBER_SERIES_MAX + 1)
    assert.deepEqual([trips.at(-1)?.labels.get('peer'), trips.at(-1)?.value], ['others', 9])
    assert.equal(families.get('reprise_member_connected')?.samples.at(-1)?.value, 0)
    const states = new Map(
      families.get('reprise_members')?.samples.map(({ labels, value }) => [labels.get('state'), value]),
    )
    assert.deepEqual([states.get('alive'), states.get('suspect'), states.get('dead')], [MEMBER_SERIES_MAX + 10, 1, 1])
  })

  it('have as many series with a thousand shards as with one', async () => {
    const count = async (): Promise<number> => [...(await scrape()).values()].flatMap(({ samples }) => samples).length
    node.shardStates = ['ready']
    const few = await count()
    node.shardStates = Array.from({ length: 1_000 }, () => 'joining' as const)
    assert.equal(await count(), few)
  })

  it('hold names that others chose', async () => {
    node.members = [member('a', { name: 'a "quoted" \\ name\nin two lines' })]
    const names = (await scrape()).get('reprise_member_connected')?.samples.map(({ labels }) => labels.get('name'))
    assert.deepEqual(names, ['a "quoted" \\ name\nin two lines'])
  })

  it('include those of the program', async () => {
    added = [
      { name: 'demo_lost_total', help: 'Lost sessions.', type: 'counter', samples: [{ value: 0 }] },
      {
        name: 'demo_bytes',
        help: 'Sizes\nof something.',
        type: 'histogram',
        samples: [{ bounds: [1, 2], counts: [1, 0, 2], sum: 9 }],
      },
    ]
    const families = await scrape()
    assert.equal(families.get('demo_lost_total')?.samples[0]?.value, 0)
    assert.deepEqual(
      families.get('demo_bytes')?.samples.map(({ value }) => value),
      [1, 1, 3, 9, 3],
    )
  })

  it('are refused where they could not be read back', () => {
    const family: MetricFamily = { name: 'x', help: 'x', type: 'gauge', samples: [] }
    assert.throws(() => formatMetrics([family, family]), TypeError)
    assert.throws(() => formatMetrics([{ ...family, name: 'x-y' }]), TypeError)
    assert.throws(() => formatMetrics([{ ...family, samples: [{ labels: { 'x-y': '' }, value: 1 }] }]), TypeError)
  })
})

type Line = Readonly<Record<'name' | 'labels' | 'type' | 'unit' | 'help', string>>

const byName = (a: Line, b: Line): number => (a.name < b.name ? -1 : 1)

function labelsOf({ samples }: ParsedFamily): string {
  const names = new Set(samples.flatMap(({ labels }) => [...labels.keys()]))
  names.delete('le')
  return [...names].join(' ')
}

function unitOf(name: string): string {
  return /_(seconds|bytes)(?:_total)?$/.exec(name)?.[1] ?? ''
}

/** The rows of the tables of docs/metrics.md. */
function documented(): Line[] {
  const text = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
  return text.split('\n').flatMap((row) => {
    const cells = /^\| `([a-z_]+)`((?: \*[a-z]+\*)*) \| (\w+) \| (\w*) ?\| (.+) \|$/.exec(row)?.slice(1) ?? []
    const [name, labels = '', type = '', unit = '', help = ''] = cells
    return name === undefined ? [] : [{ name, labels: labels.replaceAll('*', '').trim(), type, unit, help }]
  })
}
