/**
 * Links of members on hosts of their own, with all that packets can suffer. Linux, root, iproute2 and nftables.
 *
 * Who hears cuts: the receiving host's firewall drops what a member sends, so one direction can be cut and nobody is told. Loss is drawn
 * there too, by the kernel, without a seed. Everything else happens on the way, with a seed, in a user-space process through which only the
 * packets of impaired links are routed (`netns/shaper.py`); it needs Python and a tun device. The kernel's own netem is not used: not every
 * kernel has it, and one way for all is one that is tested.
 */
import { UsageError } from '@reprise/core'
import type { LinkConditions } from '../scenario.ts'
import { assertConditions } from './conditions.ts'
import type { Link, Links } from './links.ts'
import { NetnsLab } from './netns-lab.ts'
import { packetRules } from './packet-rules.ts'
import { SHAPER_CONDITIONS, Shaper } from './shaper.ts'
import { run } from './system-command.ts'

export interface NetnsLinksOptions {
  readonly members: number
  /** Of everything but loss. */
  readonly seed: number
}

/** One direction between two members, as it is to be. */
interface LinkState extends Link {
  isCut: boolean
  conditions: LinkConditions
  /** Its packets are routed through the shaper. */
  isShaped: boolean
}

export class NetnsLinks implements Links {
  readonly can: ReadonlySet<keyof LinkConditions>
  readonly lab: NetnsLab
  readonly #shaper: Shaper | undefined
  readonly #states: readonly LinkState[]
  /** One change after another: each makes the system what the states say. */
  #changes: Promise<void> = Promise.resolve()

  private constructor(lab: NetnsLab, shaper: Shaper | undefined) {
    this.lab = lab
    this.#shaper = shaper
    this.can = new Set(['lossRate', ...(shaper === undefined ? [] : SHAPER_CONDITIONS)])
    const members = [...lab.hosts.keys()]
    this.#states = members.flatMap((from) =>
      members.filter((to) => to !== from).map((to) => ({ from, to, isCut: false, conditions: {}, isShaped: false })),
    )
  }

  /** Why this system cannot have them, in one line; undefined when it can. */
  static async obstacle(): Promise<string | undefined> {
    if (process.platform !== 'linux') return 'network namespaces need Linux'
    if (process.getuid?.() !== 0) return 'network namespaces need root'
    for (const [command, packageName] of [
      ['ip', 'iproute2'],
      ['nft', 'nftables'],
    ] as const) {
      const isThere = await run(command, ['-V']).then(
        () => true,
        () => false,
      )
      if (!isThere) return `network namespaces need the command ${command} (package ${packageName})`
    }
    try {
      await using links = await NetnsLinks.open({ members: 1, seed: 0 })
      await links.heal()
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /**
   * A host for each member. The caller closes them.
   * @throws LinksError when the system refuses, with its words; what was made is removed.
   */
  static async open({ members, seed }: NetnsLinksOptions): Promise<NetnsLinks> {
    const lab = await NetnsLab.open(members)
    try {
      await Promise.all(lab.hosts.map(({ namespace }) => takeDetours(namespace)))
      return new NetnsLinks(lab, (await Shaper.isAvailable()) ? await startShaper(lab, seed) : undefined)
    } catch (error) {
      await lab.close()
      throw error
    }
  }

  async cut(links: readonly Link[]): Promise<void> {
    await this.#change(this.#chosen(links), (state) => {
      state.isCut = true
    })
  }

  async impair(links: readonly Link[], conditions: LinkConditions): Promise<void> {
    assertConditions(conditions, this.can)
    await this.#change(this.#chosen(links), (state) => {
      state.conditions = conditions
    })
  }

  async heal(links?: readonly Link[]): Promise<void> {
    await this.#change(links === undefined ? this.#states : this.#chosen(links), (state) => {
      state.isCut = false
      state.conditions = {}
    })
  }

  async close(): Promise<void> {
    await this.#changes.catch(() => {})
    await this.#shaper?.close()
    await this.lab.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #chosen(links: readonly Link[]): readonly LinkState[] {
    return links.map(({ from, to }) => {
      const state = this.#states.find((candidate) => candidate.from === from && candidate.to === to)
      if (state === undefined) throw new UsageError(`there is no link from member ${from} to member ${to}`)
      return state
    })
  }

  async #change(states: readonly LinkState[], set: (state: LinkState) => void): Promise<void> {
    for (const state of states) set(state)
    const change = this.#changes.catch(() => {}).then(() => this.#apply(states))
    this.#changes = change
    await change
  }

  async #apply(states: readonly LinkState[]): Promise<void> {
    const hearers = [...new Set(states.map(({ to }) => to))]
    await Promise.all([
      ...hearers.map((member) => this.#setRules(member)),
      ...states.map((state) => this.#setShape(state)),
    ])
  }

  async #setRules(member: number): Promise<void> {
    const heard = this.#states.filter(({ to }) => to === member)
    const rules = packetRules(
      heard.map(({ from, isCut, conditions }) => ({
        address: this.#addressOf(from),
        isCut,
        lossRate: conditions.lossRate ?? 0,
      })),
    )
    const [command, ...argv] = this.lab.command(member, ['nft', '-f', '-'])
    await run(command, argv, rules)
  }

  async #setShape(state: LinkState): Promise<void> {
    if (this.#shaper === undefined) return
    const { from, to, conditions } = state
    const { lossRate: _, ...shape } = conditions
    const isShaped = Object.keys(shape).length > 0
    // What is not routed there any more may still be on its way.
    if (isShaped || state.isShaped) await this.#shaper.set({ from, to, conditions: shape })
    if (isShaped === state.isShaped) return
    state.isShaped = isShaped
    const route = [isShaped ? 'add' : 'delete', `${this.#addressOf(to)}/32`, 'dev', Shaper.device(from)]
    const source = isShaped ? ['src', this.#addressOf(from)] : []
    await run('ip', ['-n', this.lab.hosts[from]!.namespace, 'route', ...route, ...source])
  }

  #addressOf(member: number): string {
    return this.lab.hosts[member]!.address
  }
}

/** A host takes packets also where it would not send the answer: one direction may take the way through the shaper, and the other not. */
async function takeDetours(namespace: string): Promise<void> {
  const settings = '/proc/sys/net/ipv4/conf'
  const script = `echo 0 >${settings}/all/rp_filter; echo 0 >${settings}/eth0/rp_filter`
  await run('ip', ['netns', 'exec', namespace, 'sh', '-c', script])
}

async function startShaper({ switchNamespace, hosts }: NetnsLab, seed: number): Promise<Shaper> {
  const addresses = hosts.map(({ address }) => address)
  const shaper = await Shaper.start({ namespace: switchNamespace, addresses, seed })
  try {
    await Promise.all(
      hosts.map(async ({ namespace }, host) => {
        const device = Shaper.device(host)
        await run('ip', ['-n', switchNamespace, 'link', 'set', device, 'netns', namespace])
        await run('ip', ['-n', namespace, 'link', 'set', device, 'up'])
      }),
    )
  } catch (error) {
    await shaper.close()
    throw error
  }
  return shaper
}
