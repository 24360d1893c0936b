/**
 * What a cluster did, as text that people read: one line for each thing that was sent, noticed or concluded.
 *
 * ```
 *   12  a > b   frame 2 of shard 7: basket +item ~auth       lost
 *   14  b       gap: 1 frame of a
 * ```
 *
 * Times are milliseconds since the transcript began. Heartbeats are left out. Messages that say the same of several shards
 * in the same millisecond are one line, and so are those that say just the same. A portion is written `+name` with its value, `-name` removed, `~name` when only its
 * version is there.
 */
import { chunkName } from '../../src/session/blob.ts'
import { decodeFrame } from '../../src/wire/frame.ts'
import type { Message } from '../../src/wire/messages.ts'
import type { KeyedRecord } from '../../src/wire/record-codec.ts'
import type { Cluster, Concluded, Noted } from './cluster.ts'
import { Delivery } from './cluster.ts'

/** Begin a transcript. The function that is returned ends it. */
export function record(cluster: Cluster): { note: (text: string) => void; text: () => string } {
  const startMs = cluster.nowMs
  let from = cluster.history.length
  const lines: string[] = []
  const flush = (): void => {
    lines.push(...linesOf(cluster.history.slice(from), startMs))
    from = cluster.history.length
  }
  return {
    note(text) {
      flush()
      lines.push(`# ${text}`)
    },
    text() {
      flush()
      return `${lines.join('\n')}\n`
    },
  }
}

interface Line {
  readonly atMs: number
  readonly who: string
  readonly what: string
  readonly after: string
  /** Numbers of shards, or of frames where `what` says so. */
  readonly shards: number[]
  count: number
}

function linesOf(history: readonly (Delivery | Noted | Concluded)[], startMs: number): string[] {
  const lines: Line[] = []
  const add = (atMs: number, who: string, what: string, after: string, shards: readonly number[]): void => {
    const same = lines.findLast(
      (line) => line.atMs === atMs && line.who === who && line.what === what && line.after === after,
    )
    if (same === undefined) lines.push({ atMs, who, what, after, shards: [...shards], count: 1 })
    else {
      same.shards.push(...shards)
      same.count++
    }
  }
  for (const event of history) {
    if (event instanceof Delivery) {
      const who = `${event.from} > ${event.to}`
      const lost = event.isLost ? '   lost' : ''
      for (const [what, shards, more] of describe(event)) add(event.atMs, who, what, `${more ?? ''}${lost}`, shards)
    } else if ('notice' in event) {
      const { type, ...rest } = event.notice
      const shards = 'shard' in rest ? [rest.shard] : []
      add(event.atMs, event.node, `notices ${type}${detailsOf(rest)}`, '', shards)
    } else add(event.atMs, event.node, concluded(event), '', [])
  }
  return lines.map(({ atMs, who, what, after, shards, count }) => {
    const time = String(Math.round((atMs - startMs) * 100) / 100).padStart(6)
    const noun = what.startsWith('repair') ? 'frame' : 'shard'
    const which = shards.length === 0 ? '' : ` ${noun}${shards.length > 1 ? 's' : ''} ${runs(shards)}`
    const times = shards.length === 0 && count > 1 ? ` (${count} times)` : ''
    return `${time}  ${who.padEnd(6)} ${what}${which}${after}${times}`
  })
}

/** What a delivery says: the text before the shards, the shards, and the text behind them. */
function describe(delivery: Delivery): [string, readonly number[], string?][] {
  const { frame, message } = delivery
  if (frame !== undefined) {
    const { number, shard, ackNow } = frame.header
    return [[`frame ${number} of`, [shard], `: ${recordsOf(frame.records)}${ackNow ? ', acknowledge at once' : ''}`]]
  }
  return message === undefined ? [] : describeMessage(message)
}

function describeMessage(m: Message): [string, readonly number[], string?][] {
  switch (m.type) {
    case 'heartbeat':
      return []
    case 'greeting':
      return [[`greeting of life ${m.self.incarnation}`, []]]
    case 'refused':
      return [[`refused: life ${m.knownIncarnation} is known`, []]]
    case 'members':
      return [[`members: ${m.members.map(({ node, state }) => `${node} ${state}`).join(', ') || 'none'}`, []]]
    case 'join':
    case 'leave':
      return [[m.type, m.shards]]
    case 'hello':
    case 'probe':
      return m.streams.map(({ shard, number }) => [`${m.type}: at ${number} of`, [shard]])
    case 'ack':
      return m.positions.map(({ shard, number, ready }) => [`ack: ${number} of`, [shard], ready ? '' : ', not ready'])
    case 'nack':
      return [
        [`nack: ${m.ranges.map(({ from, to }) => (from === to ? from : `${from}-${to}`)).join(', ')} of`, [m.shard]],
      ]
    case 'eject':
      return [[`eject: ${m.node} is out of the streams of ${m.sender}:`, m.shards]]
    case 'gone':
      return [[`gone: up to ${m.upTo} of`, [m.shard]]]
    case 'repair':
      return [['repair:', [decodeFrame(m.frame, 0).header.number]]]
    case 'push':
      return [[`push: ${recordsOf(m.records)}`, []]]
    case 'pull': {
      const have = m.have.map(({ name }) => name).join(', ')
      return [[`pull ${m.key}: ${m.portions?.join(', ') ?? 'everything'}${have === '' ? '' : `, have ${have}`}`, []]]
    }
    case 'check-ask':
      return [[`check ${m.check}`, []]]
    case 'check-answer':
      return [[`answer to check ${m.check}: holds`, m.copies.map(({ shard }) => shard)]]
    case 'check-look':
      return [[`check ${m.check}, round ${m.round}: buckets ${m.buckets.join(', ')}`, []]]
    case 'check-seen':
      return [[`answer to check ${m.check}, round ${m.round}: ${m.copies.length} buckets`, []]]
    case 'pull-chunk': {
      const { session, portion, index } = chunkName(m.key)
      return [[`pull ${session}: chunk ${index} of ${portion}`, []]]
    }
    case 'answer':
      return [[`answer: ${m.status === 'found' ? recordsOf(m.records) : m.status}${m.ready ? '' : ', not ready'}`, []]]
    case 'sync-ask':
      return [[`sync-ask as ${m.scope}`, [m.shard]]]
    case 'sync-offer':
      return [[`sync-offer: ${m.buckets.length} buckets differ${m.ready ? '' : ', not ready'}`, []]]
    case 'sync-list':
      return [[`sync-list of bucket ${m.bucket}`, []]]
    case 'sync-items':
      return [[`sync-items: ${m.items.length} of bucket ${m.bucket}`, []]]
    case 'sync-want':
      return [[`sync-want: ${m.keys.length} of bucket ${m.bucket}`, []]]
    case 'sync-records':
      return [[`sync-records: ${recordsOf(m.records)}`, []]]
    case 'vouch-ask':
      return [[`vouch-ask: who hears ${m.node}?`, []]]
    case 'vouch':
      return [[`vouch: heard ${m.node} ${m.heardAgoMs} ms ago`, []]]
  }
}

function recordsOf(records: readonly KeyedRecord[]): string {
  return records
    .map(({ key, record }) => {
      if (record.kind === 'dropped') return `${key} dropped`
      const top = record.frontier[0]
      const version = top === undefined ? 'no version' : `${top.tenure.node}${top.tenure.epoch}.${top.seq}`
      const portions = [...record.portions].map(([name, { value }]) => {
        return `${value === undefined ? '~' : value === null ? '-' : '+'}${name}`
      })
      return [key, version, ...portions].join(' ')
    })
    .join('; ')
}

function concluded({ result }: Concluded): string {
  switch (result.kind) {
    case 'written': {
      const { tenure, seq } = result.proof.version
      return `written ${tenure.node}${tenure.epoch}.${seq}`
    }
    case 'failed':
      return `failed ${result.error.code}`
    case 'resumed': {
      const { outcome, from } = result.outcome
      return `resumed ${outcome}, answered: ${from.answered.join(' ') || 'none'}, silent: ${from.silent.join(' ') || 'none'}`
    }
    default:
      return result.kind
  }
}

function detailsOf(details: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(details).filter(([name]) => name !== 'shard')
  return shown.map(([name, value]) => `, ${name} ${value}`).join('')
}

/** Numbers as runs: 0-3, 7. */
function runs(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b)
  const parts: [number, number][] = []
  for (const n of sorted) {
    const last = parts.at(-1)
    if (last !== undefined && last[1] === n - 1) last[1] = n
    else parts.push([n, n])
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}
