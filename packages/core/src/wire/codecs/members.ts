/** Who is here: greetings, heartbeats, news of members, and what others vouch for. */
import { MEMBER_ADDRESSES_MAX, MEMBERS_MAX } from '../../constants.ts'
import { WireError } from '../../errors.ts'
import type { Reader, Writer } from '../bytes.ts'
import { COUNTER_MAX } from '../bytes.ts'
import { readHash, readList, readNode, readStreams, writeHash, writeList, writeStreams } from '../fields.ts'
import type { MemberNews, MemberState } from '../messages.ts'
import type { Codecs } from './codec.ts'

export const memberCodecs: Codecs<'greeting' | 'refused' | 'heartbeat' | 'members' | 'vouch-ask' | 'vouch'> = {
  greeting: {
    number: 1,
    write(m, out, _nowMs, wire) {
      writeNews(out, m.self, wire)
      out.u16(m.shardCount)
      out.u16(m.bucketCount)
      out.varint(m.copies)
    },
    read: (r, _nowMs, wire) => ({
      type: 'greeting',
      self: readNews(r, wire),
      shardCount: r.u16(),
      bucketCount: r.u16(),
      copies: r.varint(),
    }),
  },
  refused: {
    number: 2,
    write: (m, out) => out.u48(m.knownIncarnation),
    read: (r) => {
      const knownIncarnation = r.u48()
      // The receiver rises above it, and what it then writes must be read by all.
      if (knownIncarnation >= COUNTER_MAX) throw new WireError('no incarnation is above that')
      return { type: 'refused', knownIncarnation }
    },
  },
  heartbeat: {
    number: 3,
    write(m, out) {
      out.u48(m.incarnation)
      out.varint(m.beat)
      out.varint(m.echo)
      out.varint(m.echoAgeMs)
      writeHash(out, m.joined)
      writeHash(out, m.ready)
      writeStreams(out, m.streams)
    },
    read: (r) => ({
      type: 'heartbeat',
      incarnation: r.u48(),
      beat: r.varint(),
      echo: r.varint(),
      echoAgeMs: r.varint(),
      joined: readHash(r),
      ready: readHash(r),
      streams: readStreams(r),
    }),
  },
  members: {
    number: 4,
    write: (m, out, _nowMs, wire) => writeList(out, m.members, (news) => writeNews(out, news, wire)),
    read: (r, _nowMs, wire) => ({ type: 'members', members: readList(r, MEMBERS_MAX, 8, () => readNews(r, wire)) }),
  },
  'vouch-ask': {
    number: 22,
    write(m, out) {
      out.text(m.node)
      out.u48(m.incarnation)
    },
    read: (r) => ({ type: 'vouch-ask', node: readNode(r), incarnation: r.u48() }),
  },
  vouch: {
    number: 23,
    write(m, out) {
      out.text(m.node)
      out.u48(m.incarnation)
      out.varint(m.heardAgoMs)
    },
    read: (r) => ({ type: 'vouch', node: readNode(r), incarnation: r.u48(), heardAgoMs: r.varint() }),
  },
}

function writeNews(out: Writer, news: MemberNews, wire: number): void {
  out.text(news.node)
  out.u48(news.incarnation)
  out.u8(STATES.indexOf(wire < 2 && news.state === 'leaving' ? 'alive' : news.state))
  out.text(news.name)
  out.text(news.zone)
  out.varint(Math.round(news.weight * 100))
  writeList(out, news.addresses, (address) => out.text(address))
}

function readNews(r: Reader, wire: number): MemberNews {
  const node = readNode(r)
  const incarnation = r.u48()
  if (incarnation > COUNTER_MAX) throw new WireError('nobody could read what is written in such a life')
  const state = STATES[r.u8()]
  if (state === undefined || (wire < 2 && state === 'leaving')) throw new WireError('unknown member state')
  const name = r.text()
  const zone = r.text()
  const weight = r.varint() / 100
  return {
    node,
    incarnation,
    state,
    name,
    zone,
    weight,
    addresses: readList(r, MEMBER_ADDRESSES_MAX, 1, () => r.text()),
  }
}

const STATES: readonly MemberState[] = ['alive', 'suspect', 'left', 'dead', 'leaving']
