/**
 * TLS handshakes: full, resumed where they were made, at another holder, and at a node that has to ask, beside the same by a
 * server that knows no cluster; and what a lookup costs by itself.
 *
 * Node `a` makes the sessions, `b` holds them too, and `c` has no weight: it holds nothing, so that every session it is
 * shown is pulled. Batches of all kinds take turns; each session is shown once to each node. `tls` is one client at a time;
 * `tls-busy` is many, with the default two copies and also with client certificates.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { SecureVersion } from 'node:tls'
import { Cluster } from './cluster.ts'
import { type Bench, CpuMeter, median, type Row, ratio, sum, until } from './harness.ts'
import { type Visit, visit } from './tls-client.ts'
import type { TlsCommands, TlsServerOptions } from './tls-process.ts'

const ROUNDS = 4
const LOOKUPS = 1_500
/** A serialized TLS 1.3 session of a server without client certificates, with its header. */
const SESSION_BYTES = 260
/** An issue asks for this: local lookup, of the CPU of a full RSA handshake. */
const LOOKUP_SHARE_MAX = 5

/** How many clients come, and how many of them at the same time. */
interface Crowd {
  readonly batch: number
  readonly atOnce: number
}

const ONE_BY_ONE: Crowd = { batch: 20, atOnce: 1 }
const BUSY: Crowd = { batch: 128, atOnce: 32 }

export const tls: Bench = {
  name: 'tls',
  sketch: `${ONE_BY_ONE.batch * ROUNDS} handshakes a row, one at a time; a full one is dominated by the signature, a pull by two messages`,
  expectation: 'RSA-2048 full 0.7-1.1 ms of server CPU, P-256 0.4-0.8, resumed 0.2-0.4 (1.2) and 0.4-0.6 (1.3)',
  run: async (signal) => {
    await using cluster = await Cluster.start<TlsCommands>(MODULE, MEMBERS, signal)
    const meter = await CpuMeter.calibrate(cluster.members)
    // First, so that storing and pulling are compiled when handshakes are measured.
    const lookups = await lookUps(cluster, meter)
    const { rows, fullRsaUs } = await measure(cluster, meter, ['RSA-2048', 'P-256'], ONE_BY_ONE)
    return [...rows, ...lookupRows(lookups, fullRsaUs)]
  },
}

export const tlsBusy: Bench = {
  name: 'tls-busy',
  sketch: `${BUSY.batch * ROUNDS} handshakes a row, ${BUSY.atOnce} at a time: what is stored at the same time travels together`,
  expectation: 'as tls, less what writes of their own cost: the frames of 5 ms leave together',
  run: async (signal) => {
    const members = MEMBERS.map(({ name, secret }) => ({ name, secret }))
    await using cluster = await Cluster.start<TlsCommands>(MODULE, members, signal)
    const meter = await CpuMeter.calibrate(cluster.members)
    return (await measure(cluster, meter, ['RSA-2048', 'P-256', 'RSA-2048 mutual'], BUSY)).rows
  },
}

async function measure(
  cluster: Cluster<TlsCommands>,
  meter: CpuMeter,
  keys: readonly TlsServerOptions['key'][],
  crowd: Crowd,
): Promise<{ rows: Row[]; fullRsaUs: number }> {
  const rows: Row[] = []
  let fullRsaUs = Number.POSITIVE_INFINITY
  for (const key of keys) {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const stages = await startServers(cluster, key, version, crowd)
      const tallies = await takeTurns(stages, meter, crowd)
      const bare = tallies.find(({ name }) => name === 'full, no cluster')
      const bareUs = bare === undefined ? Number.NaN : bare.serverUs / bare.visits
      if (key === 'RSA-2048') fullRsaUs = Math.min(fullRsaUs, bareUs)
      rows.push(...tallies.map((tally) => toRow(`${key}, ${version.slice(4)}: ${tally.name}`, tally, bareUs)))
    }
  }
  return { rows, fullRsaUs }
}

/** One kind of handshake: at which server, and with a session of which server's. */
interface Stage {
  readonly name: string
  readonly port: number
  readonly version: SecureVersion
  /** Whether the clients have certificates. */
  readonly isMutual: boolean
  readonly memberIndex: number
  /** The stage whose newest sessions it shows. */
  readonly from?: string
  /** What the server must say of the session. */
  readonly kind: string
}

interface Tally extends Stage {
  readonly ms: number[]
  visits: number
  hits: number
  serverUs: number
  othersUs: number
}

async function startServers(
  cluster: Cluster<TlsCommands>,
  key: TlsServerOptions['key'],
  version: TlsServerOptions['version'],
  crowd: Crowd,
): Promise<readonly Stage[]> {
  const ports = async (mode: TlsServerOptions['mode']): Promise<readonly number[]> =>
    await Promise.all(cluster.members.map((member) => member.call('listen', { key, version, mode })))
  const bare = await ports('bare')
  const stateful = await ports('stateful')
  const tickets = await ports('tickets')
  const haveOneKey = async (): Promise<boolean> => {
    const ids = await Promise.all(cluster.members.map((member) => member.call('ticketKeyIds')))
    return new Set(ids.map((list) => list.at(-1))).size === 1
  }
  await until(haveOneKey, 'one ticket key')
  const stage = (name: string, list: readonly number[], memberIndex: number, kind: string, from?: string): Stage => {
    const port = list[memberIndex] as number
    const isMutual = key === 'RSA-2048 mutual'
    return { name, port, version, isMutual, memberIndex, kind, ...(from === undefined ? {} : { from }) }
  }
  const full = 'full, stored'
  return [
    stage('full, no cluster', bare, 0, 'new'),
    stage('resumed, no cluster (ticket)', bare, 0, 'ticket', 'full, no cluster'),
    stage(full, stateful, 0, 'new'),
    // It sends an id that nobody has, for old middleboxes' sake, which is searched for in vain.
    ...(version === 'TLSv1.2' && crowd.atOnce === 1
      ? [{ ...stage('full, stored, client speaks 1.3', stateful, 0, 'new'), version: 'TLSv1.3' } as const]
      : []),
    stage('resumed, same node', stateful, 0, 'local', full),
    stage('resumed, another holder', stateful, 1, 'local', full),
    ...(crowd.atOnce === 1 ? [stage('resumed, pulled from peers', stateful, 2, 'peers', full)] : []),
    stage('full, ticket mode', tickets, 0, 'new'),
    stage('resumed, ticket mode, another node', tickets, 1, 'ticket', 'full, ticket mode'),
  ]
}

async function takeTurns(
  stages: readonly Stage[],
  meter: CpuMeter,
  { batch, atOnce }: Crowd,
): Promise<readonly Tally[]> {
  const tallies: Tally[] = stages.map((stage) => ({ ...stage, ms: [], visits: 0, hits: 0, serverUs: 0, othersUs: 0 }))
  const sessions = new Map<string, readonly (Buffer | undefined)[]>()
  for (let round = -1; round < ROUNDS; round++) {
    for (const tally of tallies) {
      const shown = tally.from === undefined ? undefined : sessions.get(tally.from)
      const visits: Visit[] = []
      let next = 0
      const comeAgain = async (): Promise<void> => {
        for (let i = next++; i < batch; i = next++) visits[i] = await visit(tally, shown?.[i])
      }
      const usedUs = await meter.over(async () => {
        await Promise.all(Array.from({ length: atOnce }, comeAgain))
      })
      sessions.set(
        tally.name,
        visits.map(({ session }) => session),
      )
      // What was stored last gets the time that it takes to reach the holders: that is another bench.
      if (tally.from === undefined) await pause(50)
      // The first round compiles the code.
      if (round < 0) continue
      tally.ms.push(...visits.map(({ ms }) => ms))
      tally.visits += batch
      tally.hits += visits.filter(({ kind }) => kind === tally.kind).length
      const serverUs = usedUs[tally.memberIndex] as number
      tally.serverUs += serverUs
      tally.othersUs += sum(usedUs) - serverUs
    }
  }
  return tallies
}

function toRow(what: string, tally: Tally, bareUs: number): Row {
  const { ms, visits, hits, serverUs, othersUs } = tally
  return {
    what,
    value: serverUs / visits / 1_000,
    unit: 'ms',
    ratio: ratio(serverUs / visits, bareUs, 'the CPU of a full handshake without a cluster, same key and version'),
    also: [
      { what: 'p50', value: median(ms), unit: 'ms' },
      { what: 'CPU of others', value: othersUs / visits / 1_000, unit: 'ms' },
      ...(hits === visits ? [] : [{ what: 'only', value: (100 * hits) / visits, unit: '%' } as const]),
    ],
  }
}

/** Microseconds of CPU a lookup takes, without its handshake. */
interface Lookups {
  readonly localUs: number
  readonly askerUs: number
  readonly answererUs: number
}

async function lookUps(cluster: Cluster<TlsCommands>, meter: CpuMeter): Promise<Lookups> {
  const [maker, holder, asker] = [cluster.member(0), cluster.member(1), cluster.member(2)]
  const make = async (name: string): Promise<string[]> => {
    const ids = Array.from({ length: LOOKUPS }, (_, i) => `${name}-${i}`)
    await maker.call('createSealed', ids, SESSION_BYTES)
    await until(async () => (await holder.call('lookUp', ids, 1, 'local')) === LOOKUPS, 'the sessions at the holder')
    return ids
  }
  await asker.call('lookUp', await make('warm'), 1, 'peers')
  const ids = await make('measured')
  const times = 10
  const localUs = await meter.over(() => holder.call('lookUp', ids, times, 'local'))
  let pulled = 0
  const pullUs = await meter.over(async () => {
    pulled = await asker.call('lookUp', ids, 1, 'peers')
  })
  if (pulled !== LOOKUPS) throw new Error(`${LOOKUPS - pulled} of ${LOOKUPS} sessions were not pulled`)
  const askerUs = (pullUs[2] as number) / LOOKUPS
  return { localUs: (localUs[1] as number) / LOOKUPS / times, askerUs, answererUs: sum(pullUs) / LOOKUPS - askerUs }
}

function lookupRows({ localUs, askerUs, answererUs }: Lookups, fullRsaUs: number): Row[] {
  const share = (us: number): number => (100 * us) / fullRsaUs
  const asked = `at most ${LOOKUP_SHARE_MAX} % of a full RSA handshake's CPU`
  return [
    {
      what: 'local lookup, unsealed',
      value: localUs,
      unit: 'us',
      gate: { asked, isMet: share(localUs) <= LOOKUP_SHARE_MAX },
      also: [{ what: 'of a full RSA handshake', value: share(localUs), unit: '%' }],
    },
    {
      what: 'remote pull, unsealed, all members',
      value: askerUs + answererUs,
      unit: 'us',
      also: [
        { what: 'of a full RSA handshake', value: share(askerUs + answererUs), unit: '%' },
        { what: 'asker', value: askerUs, unit: 'us' },
        { what: 'answerers', value: answererUs, unit: 'us' },
      ],
    },
  ]
}

export const MEMBERS = [
  { name: 'a', copies: 1, secret: 'sixteen bytes or more of it' },
  { name: 'b', copies: 1, secret: 'sixteen bytes or more of it' },
  { name: 'c', copies: 1, secret: 'sixteen bytes or more of it', weight: 0 },
]

const MODULE = new URL('./tls-process.ts', import.meta.url)
