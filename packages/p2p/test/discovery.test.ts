import assert from 'node:assert/strict'
import { UsageError } from '@reprise/core'
import type { Answer } from 'dns-packet'
import { parseJoinPlace } from '../src/join-address.ts'
import { DnsServer } from './support/dns-server.ts'
import { isMesh, Member, stopAll, until } from './support/member.ts'

const SERVICE = '_reprise._tcp.cache.test'
const srv = (target: string, port: number): Answer => ({ type: 'SRV', name: SERVICE, data: { target, port } })
const a = (name: string, data: string): Answer => ({ type: 'A', name, data })
const portOf = (member: Member): number => Number(member.address.split('/')[4])

describe('discovery by DNS', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(stopAll)

  it('means every address of every target of the service, at the port that the service says', async () => {
    await using server = await DnsServer.start([
      srv('one.cache.test', 4001),
      srv('two.cache.test', 4002),
      srv('gone.cache.test', 4003),
      a('one.cache.test', '10.0.0.1'),
      a('two.cache.test', '10.0.0.2'),
      a('two.cache.test', '10.0.0.3'),
      { type: 'AAAA', name: 'two.cache.test', data: 'fd00::2' },
    ])
    const place = parseJoinPlace(`dns+srv://${SERVICE}?server=${server.address}`)
    assert.deepEqual(
      new Set(await place.resolve()),
      new Set(['/ip4/10.0.0.1/tcp/4001', '/ip4/10.0.0.2/tcp/4002', '/ip4/10.0.0.3/tcp/4002', '/ip6/fd00::2/tcp/4002']),
    )
  })

  it('means nobody while the service has no targets, and whoever it has later', async () => {
    await using server = await DnsServer.start([])
    const place = parseJoinPlace(`dns+srv://${SERVICE}?server=${server.address}`)
    assert.deepEqual(await place.resolve(), [])
    server.records = [srv('one.cache.test', 4001), a('one.cache.test', '10.0.0.1')]
    assert.deepEqual(await place.resolve(), ['/ip4/10.0.0.1/tcp/4001'])
  })

  it('lets members find each other that know nothing but the service, also those that come later', async () => {
    await using server = await DnsServer.start([])
    const join = [`dns+srv://${SERVICE}?server=${server.address}`]
    const limits = { redialMinMs: 20, redialMaxMs: 100, joinRefreshMs: 100 }
    const first = await Member.start({ join, limits })
    await until(() => server.asked.includes(SERVICE), 'a question')
    const second = await Member.start({ join, limits })
    server.records = [
      srv('one.cache.test', portOf(first)),
      srv('two.cache.test', portOf(second)),
      a('one.cache.test', '127.0.0.1'),
      a('two.cache.test', '127.0.0.1'),
    ]
    await until(() => isMesh([first, second]), 'a mesh of two')
    const third = await Member.start({ join, limits })
    server.records = [...server.records, srv('three.cache.test', portOf(third)), a('three.cache.test', '127.0.0.1')]
    await until(() => isMesh([first, second, third]), 'a mesh of three')
  })

  for (const text of [
    'dns+srv://',
    'dns+srv://a b',
    `dns+srv://${SERVICE}?server=nonsense`,
    `dns+srv://${SERVICE}/x`,
  ]) {
    it(`${JSON.stringify(text)} is the caller's mistake`, () => {
      assert.throws(() => parseJoinPlace(text), UsageError)
    })
  }
})
