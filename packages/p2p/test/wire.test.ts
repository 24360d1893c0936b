import assert from 'node:assert/strict'
import { WIRE_VERSION } from '@reprise/core'
import { WIRE_VERSIONS } from '../src/constants.ts'
import { bytes, introduce, isMesh, Member, stopAll, until } from './support/member.ts'

/** Members of which each speaks its own versions of the wire; resolves when all are connected and subscribed. */
const startMixed = async (...versions: readonly (readonly number[] | undefined)[]): Promise<Member[]> => {
  const all = await Promise.all(versions.map((wireVersions) => Member.start({ wireVersions })))
  introduce(all)
  await until(() => isMesh(all), 'a full mesh')
  return all
}

describe('the wire version of a link', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(stopAll)

  it('is the best that both ends know, whichever of them opens', async () => {
    const [old, present, other] = (await startMixed([1], undefined, undefined)) as [Member, Member, Member]
    assert.deepEqual([old.wires.get(present.id), present.wires.get(old.id)], [1, 1])
    assert.deepEqual([old.wires.get(other.id), other.wires.get(old.id)], [1, 1])
    assert.deepEqual([present.wires.get(other.id), other.wires.get(present.id)], [WIRE_VERSION, WIRE_VERSION])
    for (const member of [old, present, other]) member.network.publish(0, bytes(`frame of ${member.id}`))
    for (const member of [old, present, other]) await until(() => member.count('frame') === 2, 'frames of both others')
  })

  it('may be one that only the future knows, too', async () => {
    const future = [WIRE_VERSION + 1, ...WIRE_VERSIONS]
    const [a, b, c] = (await startMixed(future, future, undefined)) as [Member, Member, Member]
    assert.deepEqual([a.wires.get(b.id), b.wires.get(a.id)], [WIRE_VERSION + 1, WIRE_VERSION + 1])
    assert.deepEqual([a.wires.get(c.id), c.wires.get(a.id)], [WIRE_VERSION, WIRE_VERSION])
  })

  it('is missing between members that know none in common: they refuse each other', async () => {
    const a = await Member.start({ wireVersions: [1] })
    const b = await Member.start({ wireVersions: [WIRE_VERSION + 1], join: [a.address] })
    await until(() => [a, b].some((member) => member.logged.some(({ level }) => level === 'warn')), 'a warning')
    assert.equal(a.count('up') + b.count('up'), 0)
  })
})
