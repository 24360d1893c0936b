import assert from 'node:assert/strict'
import {
  DEAD_MS,
  HEARTBEAT_ALL_MAX,
  HEARTBEAT_MS,
  HEARTBEAT_STEADY_MS,
  HEARTBEATS_RANDOM,
  STEADY_AFTER_MS,
  SUSPECT_MS,
} from '../../src/constants.ts'
import { Cluster } from '../support/cluster.ts'
import type { Sent } from '../support/crowd.ts'
import { Crowd, newsOf } from '../support/crowd.ts'

/** A crowd of which everybody has been met and told. */
function settled(size: number): Crowd {
  const crowd = new Crowd(size)
  crowd.run(10_000)
  assert.equal(crowd.replica.aliveMembers().length, size)
  assert(crowd.replica.isReady)
  crowd.sent.length = 0
  crowd.notices.length = 0
  return crowd
}

function heartbeats(crowd: Crowd): Sent[] {
  return crowd.sent.filter(({ message }) => message.type === 'heartbeat')
}

describe('heartbeats', function () {
  // A node that meets hundreds places all shards anew with each of them.
  this.timeout(20_000)

  it('go to everybody in a cluster of tens', () => {
    const crowd = settled(HEARTBEAT_ALL_MAX)
    crowd.run(10 * HEARTBEAT_MS)
    const byMember = new Map<string, number>()
    for (const { to } of heartbeats(crowd)) byMember.set(to, (byMember.get(to) ?? 0) + 1)
    assert.deepEqual(new Set(byMember.values()), new Set([10]))
    assert.equal(byMember.size, HEARTBEAT_ALL_MAX - 1)
  })

  it('grow with the co-holders of a node and not with the cluster', () => {
    const seconds = 30
    for (const size of [60, 120, 240]) {
      const crowd = settled(size)
      crowd.run(seconds * 1_000)
      const beats = heartbeats(crowd)
      const perRound = beats.length / (seconds * 2)
      const bytes = Math.round(crowd.sent.reduce((sum, sent) => sum + sent.bytes, 0) / seconds)
      const meshBytes = (size - 1) * 2 * (beats[0]?.bytes ?? 0)
      // biome-ignore lint/suspicious/noConsole: a figure that people want to read
      console.log(
        `        ${size} members, ${crowd.coHolders.size} co-holders: ${perRound.toFixed(1)} beats a round, ` +
          `${bytes} control bytes a second when idle (a full mesh: ${meshBytes})`,
      )
      // It picks some and is picked by as many, whom it answers.
      assert(perRound <= crowd.coHolders.size + 2 * HEARTBEATS_RANDOM + 1, `${perRound} of ${crowd.coHolders.size}`)
      assert(perRound >= crowd.coHolders.size)
      assert(beats.every(({ bytes: length }) => length <= 64))
      assert.deepEqual(crowd.notices, [])
    }
  })

  it('come at all members in time, whoever they are', () => {
    const crowd = settled(80)
    crowd.run(80 * HEARTBEAT_MS)
    const beaten = new Set(heartbeats(crowd).map(({ to }) => to))
    assert(beaten.size > 70, `${beaten.size} of 79 were beaten`)
  })

  it('find a silent co-holder as soon as in a small cluster, and tell the others', () => {
    const crowd = settled(80)
    const [silent] = crowd.coHolders as unknown as Iterable<string>
    assert(silent !== undefined)
    crowd.silent.add(silent)
    crowd.run(SUSPECT_MS + 2 * HEARTBEAT_MS)
    assert.equal(crowd.stateOf(silent), 'suspect')
    const told = crowd.sent.filter(
      ({ message }) =>
        message.type === 'members' && message.members.some(({ node, state }) => node === silent && state === 'suspect'),
    )
    assert.equal(told.length, 78)
    crowd.run(DEAD_MS + 2 * HEARTBEAT_MS)
    assert.equal(crowd.stateOf(silent), 'dead')
  })

  it('look for a member that others do not hear: dead when it is silent, alive with its first word', () => {
    const crowd = settled(80)
    const [silent, talkative, teller] = crowd.others.filter((node) => !crowd.coHolders.has(node))
    assert(silent !== undefined && talkative !== undefined && teller !== undefined)
    crowd.silent.add(silent)
    crowd.run(2_000)
    crowd.say(teller, {
      type: 'members',
      members: [silent, talkative].map((node) => newsOf(node, { state: 'suspect' })),
    })
    crowd.run(HEARTBEAT_MS + 10)
    assert.deepEqual([crowd.stateOf(silent), crowd.stateOf(talkative)], ['suspect', 'alive'])
    crowd.run(DEAD_MS + 2 * HEARTBEAT_MS)
    assert.deepEqual([crowd.stateOf(silent), crowd.stateOf(talkative)], ['dead', 'alive'])
  })

  it('take nobody for silent whom they do not ask', () => {
    const crowd = settled(150)
    crowd.run(60_000)
    assert.deepEqual(crowd.notices, [])
    assert.equal(crowd.replica.aliveMembers().length, 150)
  })

  it('tell everybody what changed of the shards, also when it did not get through at first', () => {
    const crowd = settled(120)
    const bits = (node: string): string => JSON.stringify(crowd.heard.get(node))
    const before = new Set(crowd.others.map(bits))
    assert.equal(before.size, 1)
    // Shards come to this node when many others leave, and some do not hear of it for a moment.
    const gone = crowd.others.slice(55)
    const deaf = crowd.others.filter((node) => !crowd.coHolders.has(node)).slice(0, 5)
    for (const node of deaf) crowd.silent.add(node)
    for (const node of gone) crowd.say(node, { type: 'members', members: [newsOf(node, { state: 'left' })] })
    crowd.run(1_000)
    for (const node of deaf) crowd.silent.delete(node)
    crowd.run(2_000)
    const others = crowd.others.filter((node) => !gone.includes(node))
    const after = new Set(others.map(bits))
    assert.equal(after.size, 1)
    assert.notDeepEqual(after, before)
  })

  it('are further apart when nothing has changed for a while, and not so far that a lost one is an accusation', () => {
    const cluster = Cluster.ready()
    cluster.run(STEADY_AFTER_MS + 2_000)
    cluster.sent.length = 0
    cluster.run(40 * HEARTBEAT_STEADY_MS)
    const beats = cluster.sentOf('heartbeat').filter(({ from, to }) => from === 'a' && to === 'b')
    assert.equal(beats.length, 40)
    let left = 1
    cluster.fate = ({ from, type }) => (from === 'b' && type === 'heartbeat' && left-- > 0 ? 'lose' : undefined)
    cluster.run(5_000)
    assert.deepEqual(cluster.notices, [])
    // A silent member is found as soon as ever.
    const startMs = cluster.nowMs
    cluster.fate = ({ from }) => (from === 'b' ? 'lose' : undefined)
    cluster.until(() => cluster.noticesOf('member:down').some(({ node }) => node === 'a'), 'b is dead')
    assert(cluster.nowMs - startMs <= SUSPECT_MS + DEAD_MS + 3 * HEARTBEAT_STEADY_MS)
  })
})
