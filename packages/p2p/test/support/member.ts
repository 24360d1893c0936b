/** A network with a memory: everything it was told, to be waited for and compared. */
import { createNetwork, type Lane, type Libp2pNetwork, type Logger, type NetworkInit } from '@reprise/p2p'

/** One thing a network told, in order. */
export type Told =
  | { readonly what: 'up' | 'down'; readonly peer: string }
  | { readonly what: 'subscriber'; readonly peer: string; readonly shard: number }
  | { readonly what: 'frame'; readonly peer: string; readonly shard: number; readonly text: string }
  | { readonly what: Lane; readonly peer: string; readonly text: string; readonly bytes: number }

/** Members that a test started; `stopAll` belongs into `afterEach`. */
const members: Member[] = []

export const stopAll = async (): Promise<void> => {
  await Promise.all(members.splice(0).map((member) => member.network.stop()))
}

export class Member {
  readonly told: Told[] = []
  readonly logged: { level: string; message: string; fields: Record<string, unknown> }[] = []
  network!: Libp2pNetwork
  /** The version of the wire that the last link with each peer spoke. */
  readonly wires = new Map<string, number>()
  /** Called for each message; what it returns holds the bulk lane back. */
  onMessage: (lane: Lane, message: Uint8Array) => void | Promise<void> = () => {}

  /** Make and start a network of 8 shards, subscribed to `shards`. */
  static async start(init: Partial<NetworkInit> & { shards?: readonly number[] } = {}): Promise<Member> {
    const member = await Member.make(init)
    await member.run()
    return member
  }

  static async make({
    shards = [0],
    ...init
  }: Partial<NetworkInit> & { shards?: readonly number[] } = {}): Promise<Member> {
    const member = new Member()
    members.push(member)
    member.network = await createNetwork({ shardCount: 8, logger: member.#logger(), ...init })
    for (const shard of shards) member.network.subscribe(shard)
    return member
  }

  async run(): Promise<void> {
    await this.network.start({
      onPeerUp: (peer, wire) => {
        this.wires.set(peer, wire)
        this.told.push({ what: 'up', peer })
      },
      onPeerDown: (peer) => this.told.push({ what: 'down', peer }),
      onSubscriber: (peer, shard) => this.told.push({ what: 'subscriber', peer, shard }),
      onFrame: (peer, shard, frame) => this.told.push({ what: 'frame', peer, shard, text: textOf(frame) }),
      onMessage: (peer, lane, message) => {
        this.told.push({ what: lane, peer, text: textOf(message), bytes: message.byteLength })
        return this.onMessage(lane, message)
      },
    })
  }

  get id(): string {
    return this.network.nodeId
  }

  get address(): string {
    return this.network.addresses[0]!
  }

  /** Texts of what was told, of one kind and from one peer. */
  texts(what: 'frame' | Lane, peer: Member): string[] {
    return this.told.flatMap((told) => (told.what === what && told.peer === peer.id ? [told.text] : []))
  }

  count(what: Told['what'], peer?: Member): number {
    return this.told.filter((told) => told.what === what && (peer === undefined || told.peer === peer.id)).length
  }

  isUp(peer: Member): boolean {
    return this.network.peers.includes(peer.id)
  }

  /** Whether frames of `shard` reach the peer. */
  hasSubscriber(peer: Member, shard = 0): boolean {
    const last = this.told.findLastIndex((told) => told.what === 'up' && told.peer === peer.id)
    return this.told
      .slice(last)
      .some((told) => told.what === 'subscriber' && told.peer === peer.id && told.shard === shard)
  }

  #logger(): Logger {
    const log =
      (level: string) =>
      (message: string, fields: object = {}): void => {
        this.logged.push({ level, message, fields: fields as Record<string, unknown> })
      }
    return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  }
}

/** Start members that all join the first and know each other; resolves when everybody is up and subscribed with everybody. */
export const startCluster = async (count: number, init: Partial<NetworkInit> = {}): Promise<Member[]> => {
  const first = await Member.start(init)
  const others = await Promise.all(
    Array.from({ length: count - 1 }, () => Member.start({ join: [first.address], ...init })),
  )
  const all = [first, ...others]
  introduce(all)
  await until(() => isMesh(all), 'a full mesh')
  return all
}

/** Tell everybody of everybody, as membership would. */
export const introduce = (all: readonly Member[]): void => {
  const list = new Map(all.map((member) => [member.id, member.network.addresses]))
  for (const member of all) member.network.setMembers(list)
}

export const isMesh = (all: readonly Member[]): boolean =>
  all.every((a) => all.every((b) => a === b || (a.isUp(b) && a.hasSubscriber(b))))

/** Wait for a condition; the limit is only there so that a failing test says what it waited for. */
export const until = async (condition: () => boolean, what: string, withinMs = 15_000): Promise<void> => {
  const endMs = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export const bytes = (text: string): Uint8Array => Buffer.from(text)

const textOf = (message: Uint8Array): string => Buffer.from(message.subarray(0, 64)).toString()
