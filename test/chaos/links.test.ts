/** Links between hosts in network namespaces, seen by processes on them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { NetnsLinks } from '@reprise/chaos'
import { UsageError } from '@reprise/core'
import { until } from '../../packages/chaos/test/support/until.ts'
import { Child } from '../bench/child.ts'
import { needsRoot, unlessHindered } from '../support/system.ts'
import type { Heard, HostCommands } from './host-process.ts'

const SEED = 17
const MEMBERS = 3
const BURST = 20
/** A receiver that waits for the processor reads nothing, and the system keeps 166 of our datagrams for it. So many, and a burst more. */
const IN_FLIGHT_MAX = 40
/** What has not arrived so long after the last that did is lost. */
const LOST_MS = 200

interface Host {
  readonly process: Child<HostCommands>
  readonly address: string
  readonly ports: { readonly udp: number; readonly tcp: number }
}

describe('links between network namespaces', function () {
  this.timeout(60_000)

  let links: NetnsLinks
  let hosts: readonly Host[] = []
  const aborter = new AbortController()

  before(async function () {
    needsRoot(this)
    unlessHindered(this, await NetnsLinks.obstacle())
    links = await NetnsLinks.open({ members: MEMBERS, seed: SEED })
    hosts = await Promise.all(
      links.lab.hosts.map(async ({ address }, host) => {
        const process = new Child<HostCommands>(
          new URL('./host-process.ts', import.meta.url),
          aborter.signal,
          [],
          (argv) => links.lab.command(host, argv),
        )
        return { process, address, ports: await process.call('listen', address) }
      }),
    )
  })

  after(async () => {
    await Promise.all(hosts.map(({ process }) => process[Symbol.asyncDispose]()))
    await links?.close()
  })

  afterEach(() => links.heal())

  /** Let a host send datagrams to another one, never more than fit on the way. @returns those that arrive. */
  async function send(from: number, to: number, count: number, inFlightMax = IN_FLIGHT_MAX): Promise<readonly Heard[]> {
    const target = hosts[to]!
    await target.process.call('heard')
    let lost = 0
    for (let sent = 0; sent < count; ) {
      const end = Math.min(sent + BURST, count)
      await hosts[from]!.process.call('send', target.address, target.ports.udp, sent, end)
      sent = end
      let [heard, heardAtMs] = [0, performance.now()]
      while (sent - lost - heard > inFlightMax) {
        const { different } = await target.process.call('heardCount')
        if (different !== heard) [heard, heardAtMs] = [different, performance.now()]
        else if (performance.now() - heardAtMs > LOST_MS) lost = sent - heard
      }
    }
    for (let [arrived, changedAtMs] = [0, performance.now()]; performance.now() - changedAtMs < LOST_MS; ) {
      await pause(20)
      const { all } = await target.process.call('heardCount')
      if (all !== arrived) [arrived, changedAtMs] = [all, performance.now()]
    }
    return target.process.call('heard')
  }

  const numbers = (heard: readonly Heard[]): number[] => heard.map(({ number }) => number)
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number)

  it('carry everything in order when nothing is wrong', async () => {
    assert.deepEqual(numbers(await send(0, 1, 500)), upTo(500))
  })

  it('are cut one way only, and those of others not', async () => {
    await links.cut([{ from: 0, to: 1 }])
    assert.deepEqual(await send(0, 1, 50), [])
    assert.equal((await send(1, 0, 50)).length, 50)
    assert.equal((await send(0, 2, 50)).length, 50)
    assert.equal((await send(2, 1, 50)).length, 50)
    await links.heal([{ from: 0, to: 1 }])
    assert.equal((await send(0, 1, 50)).length, 50)
  })

  it('stay open and silent while they are cut, and then go on', async () => {
    const [here, there] = [hosts[0]!, hosts[1]!]
    await here.process.call('dial', there.address, there.ports.tcp)
    await here.process.call('say', 'before')
    await until(async () => (await here.process.call('echoed')).said === 'before', 'the echo')
    await links.cut([
      { from: 0, to: 1 },
      { from: 1, to: 0 },
    ])
    await here.process.call('say', ', during')
    assert.deepEqual(await send(0, 1, 50), [])
    assert.deepEqual(await here.process.call('echoed'), { said: 'before', ended: undefined })
    await links.heal()
    await until(async () => (await here.process.call('echoed')).said === 'before, during', 'the rest')
  })

  it('let the test reach every host whatever is broken', async () => {
    await links.impair([{ from: 0, to: 1 }], { delayMs: 50 })
    const all = upTo(MEMBERS).flatMap((from) => upTo(MEMBERS).map((to) => ({ from, to })))
    await links.cut(all.filter(({ from, to }) => from !== to))
    for (const { address, ports } of hosts) {
      const socket = connect(ports.tcp, address)
      let said = ''
      socket.on('data', (chunk) => {
        said += chunk
      })
      socket.write('hello')
      await until(() => said === 'hello', `the echo of ${address}`)
      socket.destroy()
    }
  })

  it('lose the part of the packets that they shall lose, in one direction', async () => {
    await links.impair([{ from: 0, to: 1 }], { lossRate: 0.2 })
    const { length } = await send(0, 1, 5_000)
    assert.ok(length > 3_800 && length < 4_200, `${length} of 5000`)
    assert.equal((await send(1, 0, 500)).length, 500)
  })

  it('lose everything when they shall', async () => {
    await links.impair([{ from: 0, to: 1 }], { lossRate: 1 })
    assert.deepEqual(await send(0, 1, 100), [])
  })

  it('delay, give or take the jitter, and keep the order all the same', async () => {
    await links.impair([{ from: 0, to: 1 }], { delayMs: 60, jitterMs: 20 })
    const heard = await send(0, 1, 500)
    assert.deepEqual(numbers(heard), upTo(500))
    assert.ok(
      heard.every(({ delayMs }) => delayMs >= 40),
      'none is early',
    )
  })

  it('bring packets twice', async () => {
    await links.impair([{ from: 0, to: 1 }], { duplicateRate: 0.1 })
    const heard = numbers(await send(0, 1, 2_000))
    assert.equal(new Set(heard).size, 2_000)
    assert.ok(heard.length > 2_100 && heard.length < 2_300, `seed ${SEED}: ${heard.length}`)
  })

  it('let packets overtake each other', async () => {
    await links.impair([{ from: 0, to: 1 }], { reorderRate: 0.05 })
    const heard = numbers(await send(0, 1, 2_000))
    assert.deepEqual(
      [...heard].sort((a, b) => a - b),
      upTo(2_000),
      'none is lost, and none comes twice',
    )
    const overtaken = heard.filter((number, index) => index > 0 && number < heard[index - 1]!).length
    assert.ok(overtaken > 10, `seed ${SEED}: ${overtaken}`)
  })

  it('are as thin as they shall be, drop what no queue of a router would keep, and carry TCP whole', async () => {
    await links.impair([{ from: 0, to: 1 }], { bytesPerSecond: 100_000 })
    // 228 bytes each with headers: together eleven seconds of it, and the queue has 0.4.
    const heard = await send(0, 1, 5_000, Number.POSITIVE_INFINITY)
    assert.ok(heard.length >= 150 && heard.length < 5_000, `${heard.length}`)
    await links.impair([{ from: 0, to: 1 }], { bytesPerSecond: 1_000_000, delayMs: 5 })
    const [here, there] = [hosts[0]!, hosts[1]!]
    await here.process.call('dial', there.address, there.ports.tcp)
    const text = 'abcdefgh'.repeat(50_000)
    await here.process.call('say', text)
    await until(async () => (await here.process.call('echoed')).said.length >= text.length, 'the echo')
    assert.equal((await here.process.call('echoed')).said, text)
  })

  it('have the conditions that were set last, and no others', async () => {
    await links.impair([{ from: 0, to: 1 }], { delayMs: 500 })
    await links.impair([{ from: 0, to: 1 }], { duplicateRate: 1 })
    const heard = await send(0, 1, 50)
    assert.equal(heard.length, 100)
    assert.ok(
      heard.some(({ delayMs }) => delayMs < 500),
      'the delay is gone',
    )
  })

  it('can all that there is, and refuse what there is not', async () => {
    assert.deepEqual([...links.can].sort(), [
      'bytesPerSecond',
      'delayMs',
      'duplicateRate',
      'jitterMs',
      'lossRate',
      'reorderRate',
    ])
    await assert.rejects(links.impair([{ from: 0, to: 1 }], { lossRate: 2 }), UsageError)
    await assert.rejects(links.cut([{ from: 0, to: MEMBERS }]), UsageError)
  })

  it('do not meet those of another run, and take everything with them, processes too', async () => {
    const others = await NetnsLinks.open({ members: 2, seed: SEED })
    const child = new Child<HostCommands>(new URL('./host-process.ts', import.meta.url), aborter.signal, [], (argv) =>
      others.lab.command(1, argv),
    )
    await child.call('listen', others.lab.hosts[1]!.address)
    const names = [others.lab.switchNamespace, ...others.lab.hosts.map(({ namespace }) => namespace)]
    assert.equal((await send(0, 1, 50)).length, 50)
    await others.close()
    await others.close()
    await assert.rejects(child.call('heardCount'))
    assert.deepEqual(
      namespaces().filter((name) => names.includes(name)),
      [],
    )
    assert.equal((await send(0, 1, 50)).length, 50)
  })

  it('remove what a run left behind that was killed', async () => {
    const script = `
      import { NetnsLinks } from '@reprise/chaos'
      import { spawn } from 'node:child_process'
      const { lab } = await NetnsLinks.open({ members: 2, seed: 1 })
      const [command, ...argv] = lab.command(0, ['sleep', '600'])
      spawn(command, argv, { stdio: 'ignore' }).once('spawn', () => process.kill(process.pid, 'SIGKILL'))`
    const run = spawnSync(
      process.execPath,
      ['--conditions=@reprise/source', '--no-warnings', '--input-type=module', '--eval', script],
      { cwd: import.meta.dirname, encoding: 'utf8' },
    )
    assert.equal(run.signal, 'SIGKILL', run.stderr)
    const left = namespaces().filter((name) => name.startsWith(`reprise-${run.pid}-`))
    assert.equal(left.length, 3)
    const pids = left.flatMap((name) => output('ip', ['netns', 'pids', name]).split('\n').filter(Boolean).map(Number))
    assert.ok(pids.length > 0)
    await using _ = await NetnsLinks.open({ members: 1, seed: SEED })
    assert.deepEqual(
      namespaces().filter((name) => left.includes(name)),
      [],
    )
    await until(() => pids.every((pid) => !isAlive(pid)), 'the end of what ran there')
  })

  it('are removed when a run ends without a word', async () => {
    const script = `
      import { NetnsLinks } from '@reprise/chaos'
      await NetnsLinks.open({ members: 2, seed: 1 })
      process.exit(3)`
    const run = spawnSync(
      process.execPath,
      ['--conditions=@reprise/source', '--no-warnings', '--input-type=module', '--eval', script],
      { cwd: import.meta.dirname, encoding: 'utf8' },
    )
    assert.equal(run.status, 3, run.stderr)
    assert.deepEqual(
      namespaces().filter((name) => name.startsWith(`reprise-${run.pid}-`)),
      [],
    )
  })
})

function namespaces(): string[] {
  return output('ip', ['netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ', 1)[0]!)
}

function output(command: string, argv: readonly string[]): string {
  return spawnSync(command, argv, { encoding: 'utf8' }).stdout
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
