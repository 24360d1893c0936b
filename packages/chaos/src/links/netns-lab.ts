/**
 * Hosts on one machine: a network namespace with an address of its own for each, and one for the switch between them. Linux, root, iproute2.
 *
 *     root namespace             switch                     host i
 *     <run>  .254 ──── uplink ──┐                     ┌──── eth0  .i+1
 *                               bridge  .253 ── h<i> ─┘
 *
 * The switch has a namespace of its own, since the rules of the root's firewall may apply to what passes a bridge in it. Whoever runs in
 * the root namespace reaches every host. Names and subnets are drawn anew for each lab, so that labs do not meet, and names say which
 * process made them: what a dead one left behind is removed when the next lab opens.
 */
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { UsageError } from '@reprise/core'
import { LAB_HOSTS_MAX } from './constants.ts'
import { run } from './system-command.ts'

export interface LabHost {
  readonly namespace: string
  /** Its IPv4 address, which everybody reaches. */
  readonly address: string
}

/** Namespaces are named `reprise-<pid>-<random>-<part>`. */
const NAMESPACE = /^reprise-(\d+)-[0-9a-z]{4}-(?:switch|\d+)$/

export class NetnsLab {
  readonly hosts: readonly LabHost[]
  /** The namespace of the switch, from which every host is reached as well. */
  readonly switchNamespace: string
  readonly #subnet: string
  /** The root namespace's end of the wire to the switch. */
  readonly #uplink: string
  #isClosed = false

  private constructor(hostCount: number, subnet: string) {
    const random = randomInt(36 ** 3, 36 ** 4).toString(36)
    const name = `reprise-${process.pid}-${random}`
    this.#subnet = subnet
    this.#uplink = `rp${process.pid.toString(36)}${random}`
    this.switchNamespace = `${name}-switch`
    this.hosts = Array.from({ length: hostCount }, (_, host) => ({
      namespace: `${name}-${host}`,
      address: `${subnet}.${host + 1}`,
    }))
  }

  /**
   * A lab with so many hosts that reach each other. The caller closes it.
   * @throws UsageError for more hosts than a subnet has room for; LinksError when the system refuses, with its words. What was made is
   * removed then.
   */
  static async open(hostCount: number): Promise<NetnsLab> {
    if (!(hostCount >= 1 && hostCount <= LAB_HOSTS_MAX)) {
      throw new UsageError(`a lab has 1 to ${LAB_HOSTS_MAX} hosts, not ${hostCount}`)
    }
    await removeLeftovers()
    const lab = new NetnsLab(hostCount, await freeSubnet())
    process.once('exit', lab.#onExit)
    try {
      await lab.#make()
    } catch (error) {
      await lab.close()
      throw error
    }
    return lab
  }

  /** The command that runs a command in a host. It becomes that command, under the same process id. */
  command(host: number, argv: readonly string[]): readonly [command: string, ...argv: string[]] {
    const { namespace } = this.hosts[host]!
    return ['ip', 'netns', 'exec', namespace, ...argv]
  }

  /** End the processes that still run in its hosts, and remove everything. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    process.off('exit', this.#onExit)
    await removeNamespaces(this.#namespaces)
    // With the namespace of its other end it goes by itself, but not at once.
    await run('ip', ['link', 'delete', this.#uplink]).catch(() => {})
  }

  get #namespaces(): readonly string[] {
    return [this.switchNamespace, ...this.hosts.map(({ namespace }) => namespace)]
  }

  async #make(): Promise<void> {
    const hostParts = [...this.hosts.entries()]
    await run('ip', ['-batch', '-'], lines(this.#namespaces.map((namespace) => `netns add ${namespace}`)))
    await run(
      'ip',
      ['-n', this.switchNamespace, '-batch', '-'],
      lines([
        'link set lo up',
        'link add bridge type bridge',
        `address add ${this.#subnet}.253/24 dev bridge`,
        'link set bridge up',
        ...hostParts.flatMap(([host, { namespace }]) => [
          `link add h${host} type veth peer name eth0 netns ${namespace}`,
          `link set h${host} master bridge up`,
        ]),
      ]),
    )
    await run(
      'ip',
      ['-batch', '-'],
      lines([
        `link add ${this.#uplink} type veth peer name uplink netns ${this.switchNamespace}`,
        `address add ${this.#subnet}.254/24 dev ${this.#uplink}`,
        `link set ${this.#uplink} up`,
      ]),
    )
    await run('ip', ['-n', this.switchNamespace, 'link', 'set', 'uplink', 'master', 'bridge', 'up'])
    await Promise.all(
      this.hosts.map(({ namespace, address }) =>
        run(
          'ip',
          ['-n', namespace, '-batch', '-'],
          lines(['link set lo up', `address add ${address}/24 dev eth0`, 'link set eth0 up']),
        ),
      ),
    )
  }

  /** This process ends without `close`: an exit handler may only do what is done at once. */
  readonly #onExit = (): void => {
    const removal = lines([
      ...this.#namespaces.map((namespace) => `netns delete ${namespace}`),
      `link delete ${this.#uplink}`,
    ])
    try {
      for (const namespace of this.#namespaces) {
        kill(
          execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
        )
      }
      execFileSync('ip', ['-force', '-batch', '-'], { input: removal, stdio: ['pipe', 'ignore', 'ignore'] })
    } catch {
      // What is left is removed by the next lab.
    }
  }
}

/** Remove what processes left behind that are dead. */
async function removeLeftovers(): Promise<void> {
  const names = (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ', 1)[0]!)
  await removeNamespaces(
    names.filter((name) => {
      const [, pid] = NAMESPACE.exec(name) ?? []
      return pid !== undefined && !isAlive(Number(pid))
    }),
  )
}

async function removeNamespaces(namespaces: readonly string[]): Promise<void> {
  if (namespaces.length === 0) return
  // One that was never made has no processes and is not there to be removed.
  await Promise.all(namespaces.map((name) => run('ip', ['netns', 'pids', name]).then(kill, () => {})))
  const removal = lines(namespaces.map((name) => `netns delete ${name}`))
  await run('ip', ['-force', '-batch', '-'], removal).catch(() => {})
}

/** Of the addresses that are set apart for benchmarks (RFC 2544), the beginning of those that no other lab has. */
async function freeSubnet(): Promise<string> {
  const addresses = await run('ip', ['-4', '-oneline', 'address'])
  const subnets = Array.from({ length: 512 }, (_, index) => `198.${18 + (index >> 8)}.${index & 255}`)
  const free = subnets.filter((subnet) => !addresses.includes(` ${subnet}.`))
  return free[randomInt(free.length)]!
}

function kill(pids: string): void {
  for (const pid of pids.split('\n')) {
    if (pid === '') continue
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It ended meanwhile.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function lines(commands: readonly string[]): string {
  return `${commands.join('\n')}\n`
}
