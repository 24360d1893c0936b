/**
 * Sending frames again to whoever asks, without flooding it.
 *
 * Who asks is often slow already, and its questions cross the answers that are under way: a frame goes to the same member
 * once in a few milliseconds, so many frames a question, and so many bytes a second. The rest is asked for again. Who asks
 * for frames that are forgotten is told so, and syncs.
 */
import { REPAIR_BYTES_BURST, REPAIR_BYTES_PER_SECOND, REPAIR_FRAMES_MAX, REPAIR_LINGER_MS } from '../constants.ts'
import type { Context } from '../context.ts'
import type { NodeId } from '../session/version.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { Nack } from '../wire/messages.ts'
import type { OutStream, RingFrame } from './out-stream.ts'

export class Repairs {
  readonly #context: Context
  readonly #budgets = new Map<NodeId, TokenBucket>()
  /** For status: frames sent again because somebody asked. */
  count = 0

  constructor(context: Context) {
    this.#context = context
  }

  onNack(from: NodeId, nack: Nack, stream: OutStream): void {
    const { oldest, published } = stream
    let framesLeft = REPAIR_FRAMES_MAX
    let gone = 0
    for (const range of nack.ranges) {
      if (range.from < oldest && range.from <= published) gone = Math.min(range.to, oldest - 1)
      const to = Math.min(range.to, published)
      for (let number = Math.max(range.from, oldest); number <= to && framesLeft > 0; number++) {
        const frame = stream.frame(number)
        // What it cannot read is as good as forgotten: a sync brings what it can.
        if (frame !== undefined && frame.needsWire > this.#context.wireOf(from)) gone = number
        else if (frame !== undefined && this.#repair(from, frame)) framesLeft--
      }
    }
    if (gone === 0 || this.#context.lacks('gone')) return
    this.#context.send(from, { type: 'gone', incarnation: this.#context.incarnation, shard: nack.shard, upTo: gone })
  }

  forget(node: NodeId): void {
    this.#budgets.delete(node)
  }

  /** @returns whether it was sent. */
  #repair(to: NodeId, frame: RingFrame): boolean {
    const { nowMs } = this.#context
    const repairedAtMs = frame.repairs?.get(to) ?? Number.NEGATIVE_INFINITY
    if (nowMs - repairedAtMs < REPAIR_LINGER_MS || !this.#budget(to).take(frame.bytes.length, nowMs)) return false
    frame.repairs ??= new Map()
    frame.repairs.set(to, nowMs)
    this.count++
    const ageMs = Math.max(0, Math.ceil(nowMs - frame.encodedAtMs))
    this.#context.send(to, { type: 'repair', ageMs, frame: frame.bytes })
    return true
  }

  #budget(node: NodeId): TokenBucket {
    let budget = this.#budgets.get(node)
    if (budget === undefined) {
      budget = new TokenBucket(REPAIR_BYTES_PER_SECOND, REPAIR_BYTES_BURST)
      this.#budgets.set(node, budget)
    }
    return budget
  }
}
