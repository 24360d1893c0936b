/**
 * Telling a running HAProxy its ticket keys, over its runtime API.
 *
 * ```
 *   show tls-keys FILE           its keys, one a line, as base64
 *   set ssl tls-key FILE KEY     KEY becomes the last one, and the first is forgotten
 * ```
 *
 * It is told the keys that it does not have, in order. So nothing happens twice, and one that missed rotations catches up.
 */
import { connect, type Socket } from 'node:net'
import { haproxyKey, type OverlappingKeys } from '@reprise/tls'
import { CommandError, ExitCode } from '../failure.ts'
import { HAPROXY_ANSWER_BYTES_MAX, HAPROXY_MS_MAX } from './constants.ts'

/**
 * @param socket the path of its stats socket, or `HOST:PORT`; of level admin.
 * @param file the key file as its configuration names it.
 * @throws CommandError when it says no; the system's error when it is not there.
 */
export async function tellHaproxy(socket: string, file: string, keys: OverlappingKeys): Promise<void> {
  const answer = await ask(socket, `show tls-keys ${file}`)
  const known = new Set(answer.split(/\s+/))
  if (!answer.includes('# id secret')) throw refused(answer, `is ${file} a tls-ticket-keys file of its configuration?`)
  for (const key of [keys.previous, keys.current, keys.next].map(haproxyKey)) {
    if (known.has(key)) continue
    const done = await ask(socket, `set ssl tls-key ${file} ${key}`)
    if (!done.includes('updated')) throw refused(done, 'does its stats socket have level admin?')
  }
}

/** One command, one answer, one connection. */
function ask(address: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = open(address)
    socket.setEncoding('utf8').setTimeout(HAPROXY_MS_MAX)
    socket.on('data', (text: string) => {
      answer += text
      if (answer.length > HAPROXY_ANSWER_BYTES_MAX) socket.destroy(new Error('HAProxy answers without end'))
    })
    socket.on('timeout', () => socket.destroy(new Error(`HAProxy is silent at ${address}`)))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer.trim()))
    socket.write(`${command}\n`)
  })
}

function open(address: string): Socket {
  const [, host, port] = /^\[?([^/]*?)\]?:(\d+)$/.exec(address) ?? []
  return host === undefined ? connect({ path: address }) : connect({ host, port: Number(port) })
}

/** Its words are shown, not the command: that has a key. */
function refused(answer: string, next: string): CommandError {
  return new CommandError({ what: 'HAProxy did not take the keys', why: answer, next, exitCode: ExitCode.failure })
}
