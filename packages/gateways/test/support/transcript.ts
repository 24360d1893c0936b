/**
 * Transcripts of conversations in RESP: what a client asks and, byte for byte, what it is told. They were recorded from
 * redis-server 7.0, so they are what Redis does; the gateway is held against them.
 *
 * ```
 *   # a note
 *   > SET "a key" 1           a request, quoted as for redis-cli, sent as libraries do
 *     +OK                     its reply, a line a line; what is not printable as \xHH
 *   > GET nothing
 *   2 $-1                     where RESP2 and RESP3 differ: of the one
 *   3 _                       and of the other
 *   >> "PING\r\n"             bytes as they are
 *     +PONG
 *   > TTL key                 seconds are shown in tens, rounded up
 *     :100
 *   --                        a new connection
 * ```
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { splitInline } from '../../src/resp/inline.ts'
import type { RespVersion } from '../../src/resp/writer.ts'
import { multibulk } from './resp-client.ts'

/** A server that a conversation can be had with. */
export interface RespServer {
  /** Connect anew, without a connection before. */
  connect(): Promise<void>
  /** Send bytes. @returns what comes back, and whether the connection ended then. */
  exchange(bytes: Buffer): Promise<{ readonly reply: Buffer; readonly isOver: boolean }>
}

const TRANSCRIPTS = join(import.meta.dirname, '../resp/transcripts')

/** Names of the transcripts for a server without a password; `auth` is for one that has one. */
export const TRANSCRIPT_NAMES: readonly string[] = readdirSync(TRANSCRIPTS)
  .map((file) => file.replace(/\.txt$/, ''))
  .filter((name) => name !== 'auth')

function readTranscript(name: string): string {
  return readFileSync(fileOf(name), 'utf8')
}

/**
 * The server must say what the transcript has. With `REPRISE_GOLDEN=write` and `isRedis` the transcript becomes what it says, for
 * requests that are new.
 */
export async function assertSays(name: string, server: RespServer, isRedis = false): Promise<void> {
  const transcript = readTranscript(name)
  const actual = await replay(transcript, server)
  if (isRedis && process.env['REPRISE_GOLDEN'] === 'write') writeFileSync(fileOf(name), actual)
  else assert.equal(actual, transcript)
}

function fileOf(name: string): string {
  return join(TRANSCRIPTS, `${name}.txt`)
}

/** Have the conversation of a transcript, in both versions. @returns the transcript with the replies that there were. */
async function replay(transcript: string, server: RespServer): Promise<string> {
  const lines = transcript.split('\n').filter((line) => !/^[ 23] /.test(line))
  const inTwo = await repliesTo(lines, server, 2)
  const inThree = await repliesTo(lines, server, 3)
  return lines.flatMap((line, i) => [line, ...shown(inTwo[i], inThree[i])]).join('\n')
}

async function repliesTo(
  lines: readonly string[],
  server: RespServer,
  version: RespVersion,
): Promise<(readonly string[] | undefined)[]> {
  const begin = async (): Promise<void> => {
    await server.connect()
    if (version === 3) await server.exchange(multibulk(['HELLO', '3']))
  }
  await begin()
  await server.exchange(multibulk(['FLUSHDB']))
  const replies: (readonly string[] | undefined)[] = []
  for (const line of lines) {
    if (line === '--') await begin()
    const request = requestOf(line)
    if (request === undefined) {
      replies.push(undefined)
      continue
    }
    const { reply, isOver } = await server.exchange(request)
    const isTime = line.startsWith('> TTL')
    replies.push([...linesOf(isTime ? inTens(reply) : reply), ...(isOver ? ['(closed)'] : [])])
  }
  return replies
}

/** The reply to `TTL` in tens of seconds, rounded up: clocks run while servers are talked with. */
export function inTens(reply: Buffer): Buffer {
  const text = reply.toString('latin1').replace(/:(\d+)/, (_, seconds) => `:${Math.ceil(Number(seconds) / 10) * 10}`)
  return Buffer.from(text, 'latin1')
}

function requestOf(line: string): Buffer | undefined {
  const [, marker, rest = ''] = /^(>>?) (.*)$/.exec(line) ?? []
  if (marker === undefined) return undefined
  const words = splitInline(Buffer.from(rest, 'latin1'))
  assert(words !== undefined, `quotes do not match: ${line}`)
  return marker === '>' ? multibulk(words) : Buffer.concat(words)
}

function shown(inTwo: readonly string[] = [], inThree: readonly string[] = []): readonly string[] {
  if (inTwo.join('\n') === inThree.join('\n')) return inTwo.map((line) => `  ${line}`)
  return [...inTwo.map((line) => `2 ${line}`), ...inThree.map((line) => `3 ${line}`)]
}

function linesOf(reply: Buffer): readonly string[] {
  const text = reply.toString('latin1').replace(/(\$2\r\nid\r\n:)\d+/g, '$1<id>')
  const parts = text.split('\r\n')
  if (parts.at(-1) === '') parts.pop()
  return parts.map((part) => part.replace(/[^ -~]|\\/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`))
}
