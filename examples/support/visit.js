/** A TLS client that makes one handshake, takes the session that comes with it, and says whether it was a resumption. */
import { connect } from 'node:tls'

export const VERSIONS = ['TLSv1.2', 'TLSv1.3']

/** How often somebody comes back before a session counts as lost, and how long he waits between. Busy machines are late. */
const TRIES = 20
const PAUSE_MS = 100
/** How long a server may say nothing. */
const SILENCE_MS_MAX = 10_000

/** @returns {Promise<{ isReused: boolean, session: Buffer }>} */
export function visit({ port, version, session }) {
  return new Promise((resolve, reject) => {
    // Whose certificate it is, is no question here: this script has just made it.
    const versions = { minVersion: version, maxVersion: version }
    const socket = connect({ host: '127.0.0.1', port, session, rejectUnauthorized: false, ...versions })
    let [isReused, latest] = [false, session]
    socket.once('secureConnect', () => {
      isReused = socket.isSessionReused()
      // With TLS 1.3 the session comes behind the handshake, so something has to be read.
      socket.write('GET / HTTP/1.0\r\n\r\n')
    })
    socket.on('session', (given) => {
      latest = given
    })
    socket.setTimeout(SILENCE_MS_MAX, () => socket.destroy(new Error(`port ${port} is silent`)))
    socket.once('error', reject)
    socket.once('close', () => {
      if (latest === undefined) reject(new Error(`port ${port} gave no session`))
      else resolve({ isReused, session: latest })
    })
    socket.resume()
  })
}

/**
 * Come with a session, and again where it was not taken.
 * @returns how often it took; undefined when it was never taken.
 */
export async function resume({ port, version, session }) {
  for (let tries = 1; tries <= TRIES; tries++) {
    const { isReused } = await visit({ port, version, session })
    if (isReused) return tries
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  return undefined
}
