/** Whom the dialer dials and when, on a clock of the test's own. */
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { NETWORK_LIMITS } from '../src/constants.ts'
import { Dialer, type DialResult } from '../src/dialer.ts'
import type { JoinPlace } from '../src/join-address.ts'

const { redialMinMs, redialMaxMs, refusedMs, joinRefreshMs } = NETWORK_LIMITS

interface Dial {
  readonly atMs: number
  readonly addresses: readonly string[]
  readonly signal: AbortSignal
}

/** A dialer whose dials are written down and answered by `answer`. */
const start = (init: { places?: JoinPlace[]; dialsMax?: number; random?: () => number; nodeId?: string } = {}) => {
  const world = {
    nowMs: 0,
    dials: [] as Dial[],
    connected: new Set<string>(),
    failures: [] as string[],
    answer: async (_: readonly string[], _signal: AbortSignal): Promise<DialResult> => {
      throw new Error('nobody there')
    },
    /** Let time pass in steps, with all that follows from each. */
    pass: async (ms: number): Promise<void> => {
      const endMs = world.nowMs + ms
      while (world.nowMs < endMs) {
        world.nowMs += 10
        mock.timers.tick(10)
        for (let k = 0; k < 20; k++) await Promise.resolve()
      }
    },
    dialer: undefined as unknown as Dialer,
  }
  world.dialer = new Dialer(
    {
      nodeId: init.nodeId ?? 'm',
      limits: { ...NETWORK_LIMITS, dialsMax: init.dialsMax ?? NETWORK_LIMITS.dialsMax },
      random: init.random ?? (() => 1),
      nowMs: () => world.nowMs,
      isConnected: (nodeId) => world.connected.has(nodeId),
      onFailure: (target) => world.failures.push(target),
      dial: (addresses, signal) => {
        world.dials.push({ atMs: world.nowMs, addresses, signal })
        return world.answer(addresses, signal)
      },
    },
    init.places ?? [],
  )
  started.push(world.dialer)
  return world
}

const started: Dialer[] = []
const never = new Promise<DialResult>(() => {})
const place = (text: string, resolve: () => readonly string[], nodeId?: string): JoinPlace => ({
  text,
  nodeId,
  resolve: async () => resolve(),
})

describe('the dialer', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => {
    for (const dialer of started.splice(0)) dialer.stop()
    mock.timers.reset()
  })

  it('[pitfall 41] dials a member that does not answer for ever, ever slower up to the cap', async () => {
    const world = start()
    world.dialer.setMembers(new Map([['x', ['/ip4/10.0.0.1/tcp/1']]]))
    await world.pass(10 * 60_000)
    const pauses = world.dials.slice(1).map((dial, index) => dial.atMs - world.dials[index]!.atMs)
    const doubling = [200, 400, 800, 1_600, 3_200]
    for (const [index, expected] of doubling.entries()) assert.ok(Math.abs(pauses[index]! - expected) <= 20)
    assert.ok(pauses.slice(doubling.length).every((pause) => Math.abs(pause - redialMaxMs) <= 20))
    assert.ok(pauses.length > 100)
    assert.equal(world.dialer.failures.get('x'), world.dials.length)
    assert.deepEqual(world.dials[0]!.addresses, ['/ip4/10.0.0.1/tcp/1/p2p/x'])
  })

  it('[pitfall 41] spreads the pauses over the whole range from zero', async () => {
    const world = start({ random: () => 0.1 })
    world.dialer.setMembers(new Map([['x', ['/ip4/10.0.0.1/tcp/1']]]))
    await world.pass(60_000)
    assert.ok(world.dials.length > 60_000 / (0.1 * redialMaxMs) - 1)
  })

  it('reaches a member within the cap after a cut of any length, and then leaves it alone', async () => {
    const world = start()
    world.dialer.setMembers(new Map([['x', ['/ip4/10.0.0.1/tcp/1']]]))
    await world.pass(5 * 60_000)
    const before = world.dials.length
    world.answer = async () => {
      world.connected.add('x')
      return { nodeId: 'x' }
    }
    await world.pass(redialMaxMs + 20)
    assert.equal(world.dials.length, before + 1)
    world.dialer.connected('x')
    await world.pass(10 * 60_000)
    assert.equal(world.dials.length, before + 1)

    world.connected.delete('x')
    world.dialer.disconnected('x')
    await world.pass(2 * redialMinMs + 20)
    assert.equal(world.dials.length, before + 2, 'soon again after a loss')
  })

  it('lets the lower id dial first', async () => {
    const lower = start({ nodeId: 'a' })
    const higher = start({ nodeId: 'z' })
    for (const world of [lower, higher]) world.dialer.setMembers(new Map([['m', ['/ip4/10.0.0.1/tcp/1']]]))
    await lower.pass(redialMinMs + 10)
    assert.equal(lower.dials.length, 1)
    assert.equal(higher.dials.length, 0)
  })

  it('replaces the addresses of a member, also while it dials the old ones, and forgets who is gone', async () => {
    const world = start()
    world.answer = async (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
    world.dialer.setMembers(new Map([['x', ['/ip4/10.0.0.1/tcp/1']]]))
    await world.pass(500)
    world.dialer.setMembers(new Map([['x', ['/ip4/10.0.0.2/tcp/1']]]))
    await world.pass(500)
    assert.equal(world.dials[0]!.signal.aborted, true)
    assert.deepEqual(
      world.dials.map((dial) => dial.addresses[0]),
      ['/ip4/10.0.0.1/tcp/1/p2p/x', '/ip4/10.0.0.2/tcp/1/p2p/x'],
    )
    world.dialer.setMembers(new Map())
    await world.pass(60_000)
    assert.equal(world.dials.length, 2)
    assert.equal(world.dials[1]!.signal.aborted, true)
  })

  it('dials all that a name means, again whenever it means somebody new', async () => {
    let addresses = ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1']
    const world = start({ places: [place('cluster.test', () => addresses)] })
    world.answer = async ([address]) => {
      world.connected.add(address!)
      return { nodeId: address! }
    }
    world.dialer.start()
    await world.pass(1_000)
    assert.deepEqual(
      world.dials.map((dial) => dial.addresses),
      addresses.map((address) => [address]),
    )
    addresses = [...addresses, '/ip4/10.0.0.3/tcp/1']
    await world.pass(joinRefreshMs + redialMaxMs)
    assert.deepEqual(
      world.dials.map((dial) => dial.addresses[0]),
      addresses,
    )
  })

  it('keeps asking for a name that does not resolve', async () => {
    const asked: number[] = []
    const ask = (): readonly string[] => {
      asked.push(world.nowMs)
      return []
    }
    const world = start({ places: [place('later.test', ask)] })
    world.dialer.start()
    await world.pass(60_000)
    assert.ok(asked.length > 10)
  })

  it('never dials itself twice, nor a place that names it', async () => {
    const own = place('mine', () => ['/ip4/10.0.0.1/tcp/1/p2p/m'], 'm')
    const world = start({ places: [own, place('everybody', () => ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1'])] })
    world.answer = async ([address]) => {
      if (address === '/ip4/10.0.0.1/tcp/1') return 'self'
      throw new Error('nobody there')
    }
    world.dialer.setMembers(new Map([['m', ['/ip4/10.0.0.1/tcp/1']]]))
    world.dialer.start()
    await world.pass(60_000)
    assert.equal(world.dials.filter(({ addresses }) => addresses[0] === '/ip4/10.0.0.1/tcp/1').length, 1)
    assert.ok(world.dials.length > 10)
  })

  it('tries a peer that does not fit again, but slowly', async () => {
    const world = start({ places: [place('stranger', () => ['/ip4/10.0.0.1/tcp/1'])] })
    world.answer = async () => {
      world.dialer.refused('x', true)
      return { nodeId: 'x' }
    }
    world.dialer.start()
    await world.pass(5 * refusedMs)
    assert.ok(world.dials.length >= 3 && world.dials.length <= 5)
  })

  it('takes a connection that ended without a hello for an accident, twice', async () => {
    const world = start({ places: [place('stranger', () => ['/ip4/10.0.0.1/tcp/1'])] })
    world.answer = async () => {
      world.dialer.refused('x', false)
      return { nodeId: 'x' }
    }
    world.dialer.start()
    await world.pass(refusedMs)
    assert.equal(world.dials.length, 3)
    world.dialer.connected('x')
    world.dialer.disconnected('x')
    await world.pass(redialMinMs + 20)
    assert.equal(world.dials.length, 4, 'once it talks, all is forgotten')
  })

  it('[pitfall 41] has no more dials under way than its limit', async () => {
    const world = start({ dialsMax: 3 })
    world.answer = () => never
    world.dialer.setMembers(new Map(Array.from({ length: 10 }, (_, k) => [`x${k}`, [`/ip4/10.0.0.${k}/tcp/1`]])))
    await world.pass(60_000)
    assert.equal(world.dials.length, 3)
  })

  it('stops', async () => {
    const world = start({ places: [place('cluster.test', () => ['/ip4/10.0.0.1/tcp/1'])] })
    world.answer = () => never
    world.dialer.setMembers(new Map([['x', ['/ip4/10.0.0.2/tcp/1']]]))
    world.dialer.start()
    await world.pass(500)
    assert.equal(world.dials.length, 2)
    world.dialer.stop()
    world.dialer.stop()
    world.dialer.setMembers(new Map([['y', ['/ip4/10.0.0.3/tcp/1']]]))
    world.dialer.disconnected('x')
    await world.pass(60_000)
    assert.equal(world.dials.length, 2)
    assert.ok(world.dials.every(({ signal }) => signal.aborted))
  })
})
