/** The pre-shared key, and the traps of the cipher behind it: both ended the process. */
import assert from 'node:assert/strict'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { UsageError } from '@reprise/core'
import { protectWith, releaseCiphers, swarmKey } from '../src/secret.ts'
import { until } from './support/member.ts'

const SECRET = '0123456789abcdef'

/** Two ends of a connection, protected. */
const protectedPair = async () => {
  const ends = multiaddrConnectionPair({ delay: 0, capacity: 1_000_000 })
  const [near, far] = await Promise.all(
    ends.map((end) => protectWith(SECRET)().protect(end, { signal: AbortSignal.timeout(5_000) })),
  )
  let received = 0
  far!.addEventListener('message', (event) => {
    received += event.data.byteLength
  })
  return { near: near!, far: far!, received: () => received }
}

describe('the secret', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  it('becomes this key, as text or as bytes, and is refused when it is short', () => {
    const key = Buffer.from(swarmKey(SECRET)).toString()
    // HKDF-SHA256 without salt, by another implementation.
    const hex = 'cd21ee2ff33c898644715503691c05c0edd1675832af2b3782906dd9e7ccb770'
    assert.equal(key, `/key/swarm/psk/1.0.0/\n/base16/\n${hex}`)
    assert.equal(Buffer.from(swarmKey(Buffer.from(SECRET))).toString(), key)
    assert.throws(() => swarmKey('0123456789abcde'), UsageError)
  })

  it('keeps connections alive that write much at once, next to others that write little', async () => {
    const [large, small] = [await protectedPair(), await protectedPair()]
    large.near.send(new Uint8Array(2_000_000))
    const rounds = 1_200
    for (let n = 0; n < rounds; n++) {
      large.near.send(new Uint8Array(10))
      small.near.send(new Uint8Array(10))
    }
    await until(() => small.received() === 10 * rounds && large.received() === 2_000_000 + 10 * rounds, 'all bytes')
    for (const { near } of [large, small]) near.abort(new Error('done'))
  })

  it('gives the cipher’s memory back with each connection', async () => {
    const { near, far } = await protectedPair()
    near.abort(new Error('done'))
    await until(() => far.status !== 'open', 'the other end')
    for (const stream of [near, far]) assert.equal(releaseCiphers(stream), 0, 'nothing is left to give back')
    const open = await protectedPair()
    assert.equal(releaseCiphers(open.near), 2, 'the ciphers are where they are looked for')
    open.near.abort(new Error('done'))
  })
})
