/** The page's server with a real small cluster behind it; what it looks like is tested in a browser. */
import assert from 'node:assert/strict'
import { LocalCluster } from '../../src/cluster/local-cluster.ts'
import { type ServerEvent, serverEvents } from '../../src/demo/event-stream.ts'
import { DemoPage } from '../../src/demo/page.ts'
import { until } from '../support/until.ts'

interface Status {
  readonly name: string
  readonly pid: number
  readonly node: { readonly shards: readonly object[] }
  readonly demo: {
    readonly nodes: readonly { name: string; pid: number | null; state: string }[]
    readonly lost: number
  }
}

describe('demo page', function () {
  this.timeout(60_000)
  let cluster: LocalCluster
  let page: DemoPage
  let base: string
  let token: string
  let isPlaying = true
  const model = {
    resumptions: { resumed: 7, lost: 0 },
    get isPlaying() {
      return isPlaying
    },
  }

  before(async () => {
    cluster = new LocalCluster({ nodes: 3 })
    await cluster.start()
    page = new DemoPage({ cluster, model })
    const url = new URL(await page.open(AbortSignal.timeout(20_000)))
    base = url.origin
    token = url.hash.slice('#token='.length)
  })

  after(async () => {
    await page?.[Symbol.asyncDispose]()
    await cluster?.stop()
  })

  async function status(): Promise<Status> {
    return (await (await fetch(`${base}/status`)).json()) as Status
  }

  async function control(name: string, node: unknown, bearer = token) {
    const headers = { authorization: `Bearer ${bearer}`, 'x-reprise-admin': '1', 'content-type': 'application/json' }
    const response = await fetch(`${base}/controls/${name}`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ node }),
    })
    const { error, state } = (await response.json()) as { error?: { message: string }; state?: string }
    return { status: response.status, message: error?.message, state }
  }

  /** Listens to the page's events until the test ends. */
  function listen(signal: AbortSignal): ServerEvent[] {
    const heard: ServerEvent[] = []
    const collect = async (): Promise<void> => {
      for await (const event of serverEvents({ url: base, silenceMs: 10_000, signal })) heard.push(event)
    }
    collect().catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    return heard
  }

  const allUp = () => until('all are up', () => cluster.members.every(({ state }) => state === 'up'), 40_000)

  it('shows one member as it tells of itself, and all processes', async () => {
    const { name, pid, node, demo } = await status()
    assert.equal(cluster.member(name).pid, pid)
    assert.equal(node.shards.length, 64)
    assert.deepEqual(demo, {
      nodes: cluster.members.map((member) => ({ name: member.name, pid: member.pid, state: 'up' })),
      isPlaying: true,
      resumed: 7,
      lost: 0,
    })
    const check = (await (await fetch(`${base}/check`)).json()) as { checkedShards: number }
    assert.equal(check.checkedShards, 64)
    assert.equal((await fetch(`${base}/metrics`)).status, 200)
  })

  it('breaks nothing without the token, before the story is over, or where it makes no sense', async () => {
    assert.equal((await control('kill', 'node-1', 'x'.repeat(22))).status, 401)
    assert.deepEqual(await control('kill', 'node-9'), {
      status: 400,
      message: 'node: the name of a node, such as node-1',
      state: undefined,
    })
    assert.match((await control('heal', 'node-1')).message ?? '', /heal: node-1 is up/)
    isPlaying = false
    assert.match((await control('kill', 'node-1')).message ?? '', /wait for its end/)
    isPlaying = true
    assert.ok(cluster.members.every(({ state }) => state === 'up'))
  })

  it('moves to another member when the one it looks at is stopped, cut off or killed, and tells what happened', async () => {
    for (const [breaking, mending] of [
      ['stop', 'continue'],
      ['cut', 'heal'],
    ] as const) {
      using listening = abortAtEnd()
      const heard = listen(listening.signal)
      const { name } = await status()
      assert.equal((await control(breaking, name)).status, 200)
      await until('another one is looked at', async () => (await status()).name !== name)
      await until('the feed says who is missing', () => tells(heard, 'member:suspect', name))
      assert.deepEqual(await control(mending, name), { status: 200, message: undefined, state: 'rejoining' })
      await until('the feed says who is back', () => tells(heard, 'member:up', name))
      await allUp()
    }
    const { name } = await status()
    assert.equal((await control('kill', name)).state, 'down')
    await until('another one is looked at', async () => (await status()).name !== name)
    const killed = (await status()).demo.nodes.find((node) => node.name === name)
    assert.deepEqual(killed, { name, pid: null, state: 'down' })
    await cluster.restart(name)
  })

  it('moves on when a member freezes that nobody told it of', async () => {
    const { name, pid } = await status()
    process.kill(pid, 'SIGSTOP')
    try {
      await until('another one is looked at', async () => (await status()).name !== name)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })

  it('tells nothing twice when it moves', async () => {
    using listening = abortAtEnd()
    const heard = listen(listening.signal)
    await until('it listens', () => heard.some(({ type }) => type === 'snapshot'))
    const before = heard.filter(({ type }) => type !== 'snapshot').length
    const { name } = await status()
    await control('cut', name)
    await until('the feed says who is missing', () =>
      heard.slice(before).some((event) => tells([event], 'member:suspect', name)),
    )
    await control('heal', name)
    await allUp()
    const ups = heard.filter((event) => tells([event], 'member:up', name))
    // Once in what was kept for who comes late, at most, and once now.
    const atOnce = new Set(ups.map(({ data }) => JSON.stringify(data)))
    assert.equal(atOnce.size, ups.length)
  })
})

function tells(events: readonly ServerEvent[], type: string, name: string): boolean {
  return events.some((event) => event.type === type && JSON.stringify(event.data).includes(`"${name}"`))
}

/** A signal for what shall end with its block. */
function abortAtEnd(): Disposable & { readonly signal: AbortSignal } {
  const aborter = new AbortController()
  return { signal: aborter.signal, [Symbol.dispose]: () => aborter.abort() }
}
