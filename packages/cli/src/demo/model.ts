/**
 * What the demo has come to, put together from its events: everything that a screen shows, and nothing about how.
 */
import type { MemberView } from '../cluster/local-cluster.ts'
import { describeExit } from '../cluster/member-process.ts'
import { explain } from '../failure.ts'
import { median } from '../units.ts'
import { LATENCIES_MAX, SAID_MAX } from './constants.ts'
import type { DemoEvent, Handshake, ProgressView, Verdict } from './events.ts'
import { newsOf } from './member-news.ts'

export interface StepView {
  readonly title: string
  readonly state: 'todo' | 'doing' | 'held' | 'failed'
  readonly summary: string
  readonly tookMs: number | undefined
}

/** The middle of the last handshakes at a node, in milliseconds. */
export interface Latency {
  readonly fullMs: number | undefined
  readonly resumedMs: number | undefined
}

export class DemoModel {
  readonly #members = new Map<string, MemberView>()
  readonly #latencies = new Map<string, { readonly full: number[]; readonly resumed: number[] }>()
  readonly #steps: StepView[] = []
  readonly #said: string[] = []
  readonly #progress = new Map<string, ProgressView>()
  #nodes = 0
  #page: string | undefined
  #verdict: Verdict | undefined
  #isPlaying = false
  #resumed = 0
  #lost = 0

  get nodes(): number {
    return this.#nodes
  }

  /** The address of the page, when it is there. */
  get page(): string | undefined {
    return this.#page
  }

  get members(): readonly MemberView[] {
    return [...this.#members.values()].toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  }

  get steps(): readonly StepView[] {
    return this.#steps
  }

  /** What was said, the newest last. */
  get said(): readonly string[] {
    return this.#said
  }

  get progress(): ReadonlyMap<string, ProgressView> {
    return this.#progress
  }

  get verdict(): Verdict | undefined {
    return this.#verdict
  }

  /** The story is over. */
  get isPlaying(): boolean {
    return this.#isPlaying
  }

  /** Sessions that clients offered and that were resumed, or not; see `Handshake`. Connections of transfers are not counted. */
  get resumptions(): { readonly resumed: number; readonly lost: number } {
    return { resumed: this.#resumed, lost: this.#lost }
  }

  latency(node: string): Latency {
    const { full = [], resumed = [] } = this.#latencies.get(node) ?? {}
    return { fullMs: median(full), resumedMs: median(resumed) }
  }

  apply(event: DemoEvent): void {
    switch (event.type) {
      case 'begin':
        this.#nodes = event.nodes
        for (const title of event.steps) this.#steps.push({ title, state: 'todo', summary: '', tookMs: undefined })
        return
      case 'member':
        this.#onMember(event.member)
        return
      case 'member-ended':
        this.#say(`${event.end.name} ${describeExit(event.end)}`)
        return
      case 'page':
        this.#page = event.url
        return
      case 'handshake':
        this.#onHandshake(event.handshake)
        return
      case 'step-started':
        this.#changeStep(event.step, { state: 'doing' })
        return
      case 'said':
        this.#say(event.text)
        return
      case 'progress':
        if (event.progress === undefined) this.#progress.delete(event.name)
        else this.#progress.set(event.name, event.progress)
        return
      case 'step-held':
        this.#changeStep(event.step, { state: 'held', summary: event.summary, tookMs: event.tookMs })
        return
      case 'step-failed': {
        const { what, why } = explain(event.error)
        this.#changeStep(event.step, { state: 'failed', summary: what, tookMs: event.tookMs })
        if (why !== undefined) this.#say(why)
        return
      }
      case 'verdict':
        this.#verdict = event.verdict
        return
      case 'playing':
        this.#isPlaying = true
    }
  }

  #onMember(member: MemberView): void {
    const before = this.#members.get(member.name)
    this.#members.set(member.name, member)
    const news = newsOf(before?.state, member)
    if (news !== undefined) this.#say(news)
    else if (member.state === 'up' && before?.state !== 'up') this.#say(`${member.name} is up, pid ${member.pid}`)
  }

  #onHandshake({ node, offered, reused, ms }: Handshake): void {
    const latencies = this.#latencies.get(node) ?? { full: [], resumed: [] }
    this.#latencies.set(node, latencies)
    const list = reused ? latencies.resumed : latencies.full
    list.push(ms)
    if (list.length > LATENCIES_MAX) list.shift()
    if (offered && reused) this.#resumed += 1
    if (offered && !reused) this.#lost += 1
  }

  #changeStep(index: number, change: Partial<StepView>): void {
    const step = this.#steps[index]
    if (step !== undefined) this.#steps[index] = { ...step, ...change }
  }

  #say(text: string): void {
    this.#said.push(text)
    if (this.#said.length > SAID_MAX) this.#said.shift()
  }
}
