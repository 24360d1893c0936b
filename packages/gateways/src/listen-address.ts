/** Where a gateway listens: a TCP address, or a socket in the file system that only this user may open. */
import { isIPv4, isIPv6 } from 'node:net'
import { UsageError } from '@reprise/core'
import { SOCKET_PATH_BYTES_MAX } from './constants.ts'

export type ListenAddress = TcpAddress | { readonly path: string }

export interface TcpAddress {
  /** An address of this machine, or `localhost`. */
  readonly host: string
  /** 0: one of the system's choice. */
  readonly port: number
}

/** Read `HOST:PORT`, `[IPV6]:PORT`, `unix:PATH` or a path with a slash. @throws UsageError */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:') || text.startsWith('/') || text.startsWith('./')) {
    const path = text.startsWith('unix:') ? text.slice('unix:'.length) : text
    const byteLength = Buffer.byteLength(path)
    if (byteLength > 0 && byteLength <= SOCKET_PATH_BYTES_MAX && !path.includes('\0')) return { path }
    throw new UsageError(`a socket's path has 1 to ${SOCKET_PATH_BYTES_MAX} bytes`)
  }
  const [, ipv6, name, portText] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = ipv6 ?? name
  const port = Number(portText)
  const isHost = host === 'localhost' || (ipv6 === undefined ? isIPv4(name ?? '') : isIPv6(ipv6))
  if (host !== undefined && isHost && port <= 65_535) return { host, port }
  throw new UsageError('an address is HOST:PORT such as 127.0.0.1:11211, [::1]:11211, or unix:/path/of/a.sock')
}

/** The same as text. */
export function showListenAddress(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`
}

/** Whether only this machine reaches it. */
export function isLocal(address: ListenAddress): boolean {
  if ('path' in address) return true
  const { host } = address
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
