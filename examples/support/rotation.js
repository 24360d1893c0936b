/** What the examples with ticket keys show besides: a rotation, and that it loses no ticket. */
import { VERSIONS, visit } from './visit.js'

/** Let a `reprise keys follow` keep the keys of a terminator. @returns its process, when it has done so for the first time. */
export async function followKeys(stage, ...options) {
  const following = stage.start('reprise', ['keys', 'follow', '--context', 'edge', ...options])
  await stage.until('the keys are followed', () => takenOver(following) > 0)
  return following
}

/** Rotate the keys, and resume with tickets of before at whom they are not of. */
export async function showRotation(stage, ports, followers) {
  const sessions = []
  for (const version of VERSIONS) {
    for (const [from, to] of [ports, ports.toReversed()]) {
      const { session } = await visit({ port: from, version })
      sessions.push({ version, session, from, to })
    }
  }
  console.log('\nRotating the keys, which is refused in the first seconds after they were made ...')
  await stage.until('the keys are rotated', () =>
    stage.reprise('keys', 'rotate', '--context', 'edge').then(
      () => true,
      () => false,
    ),
  )
  await stage.until('both have the keys', () => followers.every((following) => takenOver(following) > 1))
  for (const { from, to, ...visitor } of sessions) {
    await stage.showResumed({ ...visitor, port: to }, `made at ${from} before that`)
  }
}

/** How often keys were taken over. */
function takenOver({ said }) {
  return said.split('\n').filter((line) => line.includes('seals with')).length
}
