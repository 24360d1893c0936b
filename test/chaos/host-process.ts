/** A host of the tests of links: sends numbered datagrams, remembers which it heard and when, and talks over TCP. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { serve } from '../bench/child.ts'

export type HostCommands = typeof commands

/** A datagram as it was heard. */
export interface Heard {
  readonly number: number
  /** From sending to hearing it; all hosts have the same clock. */
  readonly delayMs: number
}

const DATAGRAM_BYTES = 200

let datagrams: UdpSocket
let server: Server
let heard: Heard[] = []
let said = ''
let ended: string | undefined
let dialled: Socket | undefined

const commands = {
  /** Listen at an address. @returns the ports. */
  listen: async (address: string): Promise<{ udp: number; tcp: number }> => {
    datagrams = createSocket('udp4', (message) => {
      const delayMs = Number(process.hrtime.bigint() - message.readBigInt64BE(4)) / 1e6
      heard.push({ number: message.readInt32BE(0), delayMs })
    })
    datagrams.bind(0, address)
    await once(datagrams, 'listening')
    server = createServer((socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    server.listen(0, address)
    await once(server, 'listening')
    return { udp: datagrams.address().port, tcp: (server.address() as AddressInfo).port }
  },

  /** Send datagrams from number `first` to before number `end`, all at once. */
  send: (address: string, port: number, first: number, end: number): void => {
    for (let number = first; number < end; number++) {
      const datagram = Buffer.alloc(DATAGRAM_BYTES)
      datagram.writeInt32BE(number, 0)
      datagram.writeBigInt64BE(process.hrtime.bigint(), 4)
      datagrams.send(datagram, port, address)
    }
  },

  /** What was heard since the last time. */
  heard: (): Heard[] => {
    const all = heard
    heard = []
    return all
  },

  /** How much was heard since then; and without what came twice. */
  heardCount: (): { all: number; different: number } => ({
    all: heard.length,
    different: new Set(heard.map(({ number }) => number)).size,
  }),

  /** Open a connection that echoes. */
  dial: async (address: string, port: number): Promise<void> => {
    dialled = connect(port, address)
    said = ''
    ended = undefined
    dialled.on('data', (chunk) => {
      said += chunk
    })
    dialled.on('close', () => {
      ended ??= 'closed'
    })
    dialled.on('error', (error: NodeJS.ErrnoException) => {
      ended = error.code ?? error.message
    })
    await once(dialled, 'connect')
  },

  say: (text: string): void => void dialled?.write(text),

  /** What the connection echoed, and how it ended, if it did. */
  echoed: (): { said: string; ended: string | undefined } => ({ said, ended }),
}

serve(commands)
