/**
 * The places where members may be found: what a join list may say, and the addresses it means at the moment.
 *
 * Names are resolved again for each attempt, to all their A and AAAA records, since a name may stand for the whole cluster
 * and mean other machines tomorrow.
 */
import { lookup as dnsLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { UsageError } from '@reprise/core'
import { JOIN_PORT_DEFAULT } from './constants.ts'

/** One place of a join list. */
export interface JoinPlace {
  /** As it was given; for logs and stats. */
  readonly text: string
  /** Only this peer may be there, when the place names one. */
  readonly nodeId: string | undefined
  /** The TCP addresses it means now, with `/p2p/…` when it names a peer. Empty when the name does not resolve. */
  resolve(): Promise<readonly string[]>
}

/** All addresses of a name. Rejects when there are none. */
export type Lookup = (name: string, family: 0 | 4 | 6) => Promise<readonly string[]>

/** The operating system's resolver, `/etc/hosts` included. */
const systemLookup: Lookup = async (name, family) =>
  (await dnsLookup(name, { all: true, family, order: 'verbatim' })).map(({ address }) => address)

/**
 * Read one entry of a join list: a multiaddr (`/ip4/10.0.0.1/tcp/4747`, `/dns/cache.local/tcp/4747/p2p/12D3…`), or
 * `host:port`, `[v6]:port` or `host` with the default port.
 * @throws UsageError when it is neither.
 */
export const parseJoinPlace = (text: string, lookup: Lookup = systemLookup): JoinPlace =>
  text.startsWith('/') ? multiaddrPlace(text, lookup) : namedPlace(text, lookup)

const multiaddrPlace = (text: string, lookup: Lookup): JoinPlace => {
  const components = parseMultiaddr(text).getComponents()
  const [host, tcp, p2p] = components
  const family = host === undefined ? undefined : FAMILY_OF.get(host.name)
  const port = tcp?.name === 'tcp' ? Number(tcp.value) : undefined
  const isOther = components.length > 3 || (p2p !== undefined && p2p.name !== 'p2p')
  if (host?.value === undefined || family === undefined || port === undefined || isOther) {
    throw new UsageError(`${text} cannot be joined: only /ip4, /ip6 and /dns addresses over /tcp are dialled`)
  }
  return place(text, host.value, family, port, p2p?.value, lookup)
}

const FAMILY_OF: ReadonlyMap<string, 0 | 4 | 6> = new Map([
  ['ip4', 4],
  ['ip6', 6],
  ['dns', 0],
  ['dns4', 4],
  ['dns6', 6],
])

const namedPlace = (text: string, lookup: Lookup): JoinPlace => {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text)
  const plain = /^([^:/\s]+)(?::(\d+))?$/.exec(text)
  const [host, port] = (bracketed ?? plain)?.slice(1) ?? (isIP(text) === 6 ? [text] : [])
  const portNumber = port === undefined ? JOIN_PORT_DEFAULT : Number(port)
  if (host === undefined || portNumber < 1 || portNumber > 65_535) {
    throw new UsageError(`${JSON.stringify(text)} cannot be joined: give a multiaddr, host:port, or host`)
  }
  return place(text, host, 0, portNumber, undefined, lookup)
}

const place = (
  text: string,
  host: string,
  family: 0 | 4 | 6,
  port: number,
  nodeId: string | undefined,
  lookup: Lookup,
): JoinPlace => {
  const suffix = nodeId === undefined ? '' : `/p2p/${nodeId}`
  const address = (ip: string): string => `/ip${isIP(ip)}/${ip}/tcp/${port}${suffix}`
  return {
    text,
    nodeId,
    resolve: async () => {
      if (isIP(host) !== 0) return [address(host)]
      try {
        return [...new Set(await lookup(host, family))].map(address)
      } catch {
        return []
      }
    },
  }
}

/** @throws UsageError when the text is not a multiaddr. */
export const parseMultiaddr = (text: string): Multiaddr => {
  try {
    return multiaddr(text)
  } catch (cause) {
    throw new UsageError(`${JSON.stringify(text)} is not a multiaddr, such as /ip4/127.0.0.1/tcp/4747`, { cause })
  }
}
