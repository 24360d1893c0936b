/** The one failure of the demo that is about Reprise itself. */
import { CommandError, ExitCode } from '../failure.ts'

/** Thrown when a session was lost, a byte was wrong, or a basket was not whole. Any other error is the demo's own. */
export class BrokenPromiseError extends CommandError {
  constructor(what: string, why?: string) {
    super({ what, why, exitCode: ExitCode.invariant })
    this.name = 'BrokenPromiseError'
  }
}
