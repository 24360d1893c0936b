/** What resumption did, counted. Plain numbers that only grow; a reader takes differences. */

/** How long lookups took: `counts[i]` of them at most `boundsMs[i]` milliseconds, the last one more than all bounds. */
export interface LatencyHistogram {
  readonly boundsMs: readonly number[]
  readonly counts: readonly number[]
  readonly sumMs: number
  readonly maxMs: number
}

/** A snapshot of the counters since `resumeAcrossCluster`. */
export interface ResumptionStats {
  /**
   * Handshakes that were completed, by what the client asked for and got, and those that failed (`'tlsClientError'`).
   */
  readonly handshakes: { readonly full: number; readonly resumed: number; readonly failed: number }
  /**
   * Sessions asked of the cluster. `miss`: there is none. `mismatch`: made under another context, server name, client
   * authority or version, or too old to be renewed. `timeout`: no answer within the deadline. `failed`: the source
   * threw, or the value could not be read. `refused`: `LOOKUPS_MAX` were under way. All but `hit` are full handshakes.
   */
  readonly lookups: {
    readonly hit: number
    readonly miss: number
    readonly mismatch: number
    readonly timeout: number
    readonly failed: number
    readonly refused: number
  }
  readonly lookupMs: LatencyHistogram
  /**
   * New sessions. `stored`: queued to the holders, or confirmed. `unconfirmed`: the handshake went on without the
   * confirmation asked for. `failed`: the source threw. `skipped`: over a limit, of a connection that was not read, or
   * of a client whose certificate was asked for and not accepted.
   */
  readonly sessions: {
    readonly stored: number
    readonly unconfirmed: number
    readonly failed: number
    readonly skipped: number
  }
  /**
   * First flights. `read`: a ClientHello was found. The others went to the server unread: `garbage`, `oversize`, `slow`
   * (over the deadline), `refused` (over a limit). `closed`: the client left before.
   */
  readonly hellos: {
    readonly read: number
    readonly garbage: number
    readonly oversize: number
    readonly slow: number
    readonly refused: number
    readonly closed: number
  }
  /** PROXY protocol headers that were believed, and connections destroyed for want of one. */
  readonly proxy: { readonly accepted: number; readonly refused: number }
  /** Ticket keys taken into use, also the first. */
  readonly ticketKeys: { readonly adopted: number; readonly failed: number }
}

const BOUNDS_MS = [0.25, 0.5, 1, 2, 5, 10, 20, 50] as const

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends number ? number : Mutable<T[Key]> }

/** The counters behind `ResumptionStats`. */
export class StatsCounter {
  readonly handshakes: Mutable<ResumptionStats['handshakes']> = { full: 0, resumed: 0, failed: 0 }
  readonly lookups: Mutable<ResumptionStats['lookups']> = {
    hit: 0,
    miss: 0,
    mismatch: 0,
    timeout: 0,
    failed: 0,
    refused: 0,
  }
  readonly sessions: Mutable<ResumptionStats['sessions']> = { stored: 0, unconfirmed: 0, failed: 0, skipped: 0 }
  readonly hellos: Mutable<ResumptionStats['hellos']> = {
    read: 0,
    garbage: 0,
    oversize: 0,
    slow: 0,
    refused: 0,
    closed: 0,
  }
  readonly proxy: Mutable<ResumptionStats['proxy']> = { accepted: 0, refused: 0 }
  readonly ticketKeys: Mutable<ResumptionStats['ticketKeys']> = { adopted: 0, failed: 0 }
  readonly #counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0)
  #sumMs = 0
  #maxMs = 0

  /** Count one lookup's duration. */
  lookupTook(ms: number): void {
    const index = BOUNDS_MS.findIndex((bound) => ms <= bound)
    const bucket = index < 0 ? BOUNDS_MS.length : index
    this.#counts[bucket]! += 1
    this.#sumMs += ms
    this.#maxMs = Math.max(this.#maxMs, ms)
  }

  /** Copies, so that what was handed out does not change. */
  snapshot(): ResumptionStats {
    return {
      handshakes: { ...this.handshakes },
      lookups: { ...this.lookups },
      lookupMs: { boundsMs: BOUNDS_MS, counts: [...this.#counts], sumMs: this.#sumMs, maxMs: this.#maxMs },
      sessions: { ...this.sessions },
      hellos: { ...this.hellos },
      proxy: { ...this.proxy },
      ticketKeys: { ...this.ticketKeys },
    }
  }
}
