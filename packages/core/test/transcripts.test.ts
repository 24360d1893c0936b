/**
 * Transcripts: what a few nodes say to each other in the situations that matter, in full. A change of the protocol shows
 * here as a difference that a reviewer reads; `REPRISE_GOLDEN=write` accepts it.
 */
import { RING_BYTES_MAX } from '../src/constants.ts'
import { Cluster, idInShard, smallPortions } from './support/cluster.ts'
import { golden } from './support/golden.ts'
import { record } from './support/transcript.ts'

const ID = idInShard(7, 'basket')

describe('transcripts', () => {
  it('join: a third node comes to two that hold everything', () => {
    const cluster = Cluster.ready({ nodes: 2 })
    cluster.establish('a', ID, { item: 'tea' }, 1)
    cluster.run(200)
    const { note, text } = record(cluster)
    note('c starts, and is connected with a and b')
    cluster.join('c')
    cluster.until(() => cluster.isSettled(), 'c is ready')
    cluster.run(50)
    golden('transcripts/join.txt', text())
  })

  it('loss and repair: frames in the middle, then the last one', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', ID, { item: 'tea' })
    cluster.run(200)
    const { note, text } = record(cluster)
    const lose = (numbers: readonly number[]): void => {
      cluster.fate = ({ to, frame }) => (to === 'b' && numbers.includes(frame?.header.number ?? 0) ? 'lose' : undefined)
    }
    note('frames 2 and 3 to b are lost')
    lose([2, 3])
    for (const item of ['milk', 'rum', 'jam']) {
      cluster.commit('a', ID, { item })
      cluster.run(10)
    }
    cluster.run(100)
    note('the last frame to b is lost, and a waits for two copies of it')
    lose([5])
    cluster.result(cluster.commit('a', ID, { item: 'salt' }, { copies: 2 }))
    cluster.run(200)
    golden('transcripts/loss-and-repair.txt', text())
  })

  it('takeover: the primary dies and the client goes on elsewhere, then a late write of another meets it', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    cluster.establish('a', ID, { auth: 'alice', item: 'tea' })
    cluster.run(200)
    const { note, text } = record(cluster)
    note('b takes over while a lives, changes one portion, and waits for two copies')
    cluster.outcome(cluster.resume('b', ID))
    cluster.result(cluster.commit('b', ID, { item: 'tea, rum' }, { copies: 2 }))
    cluster.run(100)
    note('b crashes; c takes over, with what it has and what the others have')
    cluster.crash('b')
    cluster.outcome(cluster.resume('c', ID))
    cluster.result(cluster.commit('c', ID, { item: 'jam' }, { copies: 1 }))
    cluster.run(100)
    note('a, which heard of b and not of c, writes another portion: both portions stay, and a learns of c')
    cluster.result(cluster.commit('a', ID, { auth: 'alice, late' }, { copies: 1 }))
    cluster.run(100)
    golden('transcripts/takeover.txt', text())
  })

  it('gone: the sender no longer has what is asked for', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', ID, { item: 'tea' })
    cluster.run(200)
    const hidden = ['nack', 'probe', 'ack']
    cluster.fate = ({ from, to, type }) =>
      (to === 'b' && type === 'frame') || (hidden.includes(type) && [from, to].includes('b')) ? 'lose' : undefined
    for (let n = 0; n <= RING_BYTES_MAX / 47_000; n++) {
      cluster.commit('a', ID, smallPortions(47_000, String(n % 10)))
      cluster.run(6)
    }
    cluster.fate = () => undefined
    const { note, text } = record(cluster)
    note('b hears of frames that it never got, and that a no longer has')
    cluster.until(() => cluster.noticesOf('gone').length > 0, 'gone')
    cluster.until(() => cluster.isSettled(), 'b is ready again')
    cluster.run(50)
    golden('transcripts/gone.txt', text())
  })
})
