/** Time as a run has it. */
export interface Time {
  /** Milliseconds since the run began. */
  nowMs(): number
  sleep(ms: number): Promise<void>
}
