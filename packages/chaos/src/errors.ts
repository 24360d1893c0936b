/** What can go wrong before or around a run. That an invariant broke is no error: it is in the run's record. */
import { RepriseError } from '@reprise/core'

/**
 * Thrown when a scenario contradicts itself: a member that does not exist, a fault that begins after the clients have gone, a rate that is none.
 */
export class ScenarioError extends RepriseError {
  /** Where in the scenario, such as `nemesis[2].nodes`. */
  readonly path: string

  constructor(path: string, message: string) {
    super('SCENARIO', `${path}: ${message}`)
    this.path = path
  }
}

/** Thrown before anything starts when a backend cannot do what a scenario asks for. */
export class UnsupportedError extends RepriseError {
  readonly backend: string

  constructor(backend: string, message: string) {
    super('UNSUPPORTED', `the backend ${backend} ${message}`)
    this.backend = backend
  }
}

/**
 * Why a cluster under test is of no use.
 *
 * - `START`: a member did not start, or not in time.
 * - `MEMBER`: a member ended that nobody had told to.
 */
export type ClusterFailure = 'START' | 'MEMBER'

/** Thrown when the cluster under test cannot be used; what was started is stopped. */
export class ClusterError extends RepriseError {
  declare readonly code: ClusterFailure

  constructor(message: string, { code, ...options }: ErrorOptions & { readonly code: ClusterFailure }) {
    super(code, message, options)
  }
}
