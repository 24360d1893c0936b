import assert from 'node:assert/strict'
import { UsageError } from '@reprise/core'
import { type Lookup, parseJoinPlace } from '../src/join-address.ts'

const ID = '12D3KooWSVeBg2S8STn7bRRefKkNZseZsMaSREhC2rsGaKuXHc3r'

const lookup: Lookup = async (name, family) => {
  const all = name === 'cluster.test' ? ['10.0.0.1', '10.0.0.2', '10.0.0.1', 'fd00::1'] : []
  const found = all.filter((ip) => family === 0 || ip.includes(':') === (family === 6))
  if (found.length === 0) throw new Error('ENOTFOUND')
  return found
}

describe('join addresses', () => {
  const cases: [string, string[]][] = [
    ['/ip4/10.0.0.9/tcp/4001', ['/ip4/10.0.0.9/tcp/4001']],
    [`/ip4/10.0.0.9/tcp/4001/p2p/${ID}`, [`/ip4/10.0.0.9/tcp/4001/p2p/${ID}`]],
    ['/ip6/fd00::9/tcp/4001', ['/ip6/fd00::9/tcp/4001']],
    ['/dns4/cluster.test/tcp/4001', ['/ip4/10.0.0.1/tcp/4001', '/ip4/10.0.0.2/tcp/4001']],
    [`/dns6/cluster.test/tcp/4001/p2p/${ID}`, [`/ip6/fd00::1/tcp/4001/p2p/${ID}`]],
    ['cluster.test:4001', ['/ip4/10.0.0.1/tcp/4001', '/ip4/10.0.0.2/tcp/4001', '/ip6/fd00::1/tcp/4001']],
    ['cluster.test', ['/ip4/10.0.0.1/tcp/4747', '/ip4/10.0.0.2/tcp/4747', '/ip6/fd00::1/tcp/4747']],
    ['10.0.0.9:4001', ['/ip4/10.0.0.9/tcp/4001']],
    ['10.0.0.9', ['/ip4/10.0.0.9/tcp/4747']],
    ['[fd00::9]:4001', ['/ip6/fd00::9/tcp/4001']],
    ['fd00::9', ['/ip6/fd00::9/tcp/4747']],
    ['nowhere.test:1', []],
  ]
  for (const [text, addresses] of cases) {
    it(`${text} means ${addresses.join(' and ') || 'nobody now'}`, async () => {
      assert.deepEqual(await parseJoinPlace(text, lookup).resolve(), addresses)
    })
  }

  it('name the peer, when they do', () => {
    assert.equal(parseJoinPlace(`/ip4/10.0.0.9/tcp/4001/p2p/${ID}`, lookup).nodeId, ID)
    assert.equal(parseJoinPlace('10.0.0.9', lookup).nodeId, undefined)
  })

  it('are looked up anew each time', async () => {
    let asked = 0
    const place = parseJoinPlace('moving.test:1', async () => [`10.0.0.${++asked}`])
    assert.deepEqual(await place.resolve(), ['/ip4/10.0.0.1/tcp/1'])
    assert.deepEqual(await place.resolve(), ['/ip4/10.0.0.2/tcp/1'])
  })

  const mistakes = [
    '',
    ' ',
    ':1',
    'host:',
    'host:0',
    'host:65536',
    'a b:1',
    'http://host:1',
    '/ip4/10.0.0.1',
    '/nonsense/1',
  ]
  for (const text of [...mistakes, '/ip4/10.0.0.1/udp/1/quic-v1', '/ip4/1.2.3.4/tcp/80/ws', '/unix/tmp']) {
    it(`${JSON.stringify(text)} is the caller's mistake`, () => {
      assert.throws(() => parseJoinPlace(text, lookup), UsageError)
    })
  }
})
