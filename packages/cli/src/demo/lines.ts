/**
 * The demo as plain lines, one for each thing that happens, for logs and pipes: the time since the start, then what.
 */

import { hintLines } from '../cluster/hints.ts'
import type { MemberView } from '../cluster/local-cluster.ts'
import { describeExit } from '../cluster/member-process.ts'
import { explain } from '../failure.ts'
import { formatMs } from '../units.ts'
import { RESTART_AFTER_MS } from './constants.ts'
import type { DemoEvent, Verdict } from './events.ts'
import { newsOf } from './member-news.ts'

/** Turns events into lines; keeps the few things that a line needs of earlier ones. */
export class DemoLines {
  readonly #nowMs: () => number
  readonly #startedMs: number
  readonly #members = new Map<string, MemberView>()
  #steps: readonly string[] = []

  /** @param nowMs a clock, in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#startedMs = nowMs()
  }

  /** The lines to print for an event; most have one or none. */
  linesOf(event: DemoEvent): string[] {
    switch (event.type) {
      case 'begin':
        this.#steps = event.steps
        return [`reprise demo: ${event.nodes} nodes, each a process on this machine; nothing is kept`, '']
      case 'member':
        return this.#memberLines(event.member)
      case 'member-ended':
        return [this.#detail(`${event.end.name} ${describeExit(event.end)} (pid ${event.end.pid})`)]
      case 'step-started':
        return [this.#line(`${event.step + 1}/${this.#steps.length}`, this.#steps[event.step] ?? '')]
      case 'page':
        return [this.#detail(`see it, and break it, in a browser: ${event.url}`)]
      case 'said':
        return [this.#detail(event.text)]
      case 'step-held':
        return [this.#line('ok', `${event.summary} [${formatMs(event.tookMs)}]`)]
      case 'step-failed': {
        const { what, why } = explain(event.error)
        return [this.#line('FAILED', what), ...(why === undefined ? [] : [this.#detail(why)])]
      }
      case 'verdict':
        return ['', ...verdictLines(event.verdict)]
      case 'playing':
        return ['', ...hintLines([...this.#members.values()], RESTART_AFTER_MS), '', '^C ends everything.', '']
      case 'handshake':
      case 'progress':
        return []
    }
  }

  #memberLines(member: MemberView): string[] {
    const { name, state, pid, info } = member
    const before = this.#members.get(name)
    this.#members.set(name, member)
    const news = newsOf(before?.state, member)
    if (news !== undefined) return [this.#detail(news)]
    if (state === before?.state || state !== 'up') return []
    return [this.#detail(`${name} is up: pid ${pid}, https://127.0.0.1:${info?.ports.tls}`)]
  }

  #line(mark: string, text: string): string {
    const seconds = ((this.#nowMs() - this.#startedMs) / 1_000).toFixed(1)
    return `${seconds.padStart(6)} s  ${mark.padEnd(6)} ${text}`
  }

  #detail(text: string): string {
    return this.#line('', `  ${text}`)
  }
}

/** The end of the story in a few lines, none longer than 80 characters. */
export function verdictLines(verdict: Verdict): string[] {
  const { held, failedStep, tookMs, resumptions, lost, fullMs, localMs, peersMs } = verdict
  const head = held ? `EVERY STEP HELD, in ${formatMs(tookMs)}.` : `FAILED after ${formatMs(tookMs)}: ${failedStep}.`
  const middle = [describe('full', fullMs), describe('resumed', localMs), describe('from peers', peersMs)]
  return [
    head,
    `TLS sessions resumed: ${resumptions - lost} of ${resumptions}, ${lost} lost.`,
    `Handshakes, middle value: ${middle.filter((text) => text !== undefined).join(', ')}.`,
  ]
}

function describe(what: string, ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${what} ${formatMs(ms)}`
}
