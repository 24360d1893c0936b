/**
 * Where member processes run and how they reach each other: all on this host, through a port for each pair of them; or each on a host of its
 * own, which is a network namespace.
 */
import type { Links } from '../../links/links.ts'
import { NetnsLinks } from '../../links/netns-links.ts'
import { ProxyLinks } from '../../links/proxy-links.ts'

export interface Hosts extends AsyncDisposable {
  readonly links: Links
  /** The command that becomes a member's process; empty where it is started as it is. */
  prefixOf(member: number): readonly string[]
  /** The address of a member's host, at which clients reach it. */
  addressOf(member: number): string
  /** The multiaddr that a member listens on. */
  listenOf(member: number): string
  /** The multiaddr that others are told of it; undefined: where it listens. */
  announceOf(member: number): string | undefined
  /** `host:port` at which another member finds it. */
  joinOf(member: number): string
  /** Where a member's connections really go: `host:port` by the `host:port` that it dials. */
  detoursOf(member: number): Readonly<Record<string, string>>
  /** A member listens on that port now. */
  onServing(member: number, port: number): void
}

/**
 * All on loopback. Members know each other by addresses that nobody listens on; their sockets take a detour over the link of the pair
 * (`member/detours.ts`), and the link goes to wherever the member listens in its present life.
 */
export class LoopbackHosts implements Hosts {
  readonly links: ProxyLinks
  readonly #members: number

  private constructor(links: ProxyLinks, members: number) {
    this.links = links
    this.#members = members
  }

  static async open(members: number, seed: number): Promise<LoopbackHosts> {
    return new LoopbackHosts(await ProxyLinks.open({ members, seed }), members)
  }

  prefixOf(): readonly string[] {
    return []
  }

  addressOf(): string {
    return '127.0.0.1'
  }

  listenOf(): string {
    return '/ip4/127.0.0.1/tcp/0'
  }

  announceOf(member: number): string {
    return `/ip4/127.0.0.1/tcp/${aliasPort(member)}`
  }

  joinOf(member: number): string {
    return `127.0.0.1:${aliasPort(member)}`
  }

  detoursOf(member: number): Readonly<Record<string, string>> {
    const others = Array.from({ length: this.#members }, (_, other) => other).filter((other) => other !== member)
    return Object.fromEntries(
      others.map((other) => [this.joinOf(other), `127.0.0.1:${this.links.route(member, other)}`]),
    )
  }

  onServing(member: number, port: number): void {
    this.links.setTarget(member, { host: '127.0.0.1', port })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.links.close()
  }
}

/** Each in a namespace of its own, at an address and a port that stay. */
export class NamespaceHosts implements Hosts {
  readonly links: NetnsLinks

  private constructor(links: NetnsLinks) {
    this.links = links
  }

  static async open(members: number, seed: number): Promise<NamespaceHosts> {
    return new NamespaceHosts(await NetnsLinks.open({ members, seed }))
  }

  prefixOf(member: number): readonly string[] {
    return this.links.lab.command(member, [])
  }

  addressOf(member: number): string {
    const host = this.links.lab.hosts[member]
    if (host === undefined) throw new Error(`there is no host ${member}`)
    return host.address
  }

  listenOf(member: number): string {
    return `/ip4/${this.addressOf(member)}/tcp/${MEMBER_PORT}`
  }

  announceOf(): undefined {
    return undefined
  }

  joinOf(member: number): string {
    return `${this.addressOf(member)}:${MEMBER_PORT}`
  }

  detoursOf(): Readonly<Record<string, string>> {
    return {}
  }

  onServing(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.links.close()
  }
}

/** The port that members have by default. Each host has its own. */
const MEMBER_PORT = 4_747

/** A name more than a port: below those that programs are given, and never dialled. */
function aliasPort(member: number): number {
  return 1 + member
}
