/** What can go wrong with the links of a cluster, besides their user's mistakes. */
import { RepriseError } from '@reprise/core'

/** Thrown when the system did not do what links need: a command failed, or a helper process ended. Says which, and what it wrote. */
export class LinksError extends RepriseError {
  constructor(message: string, options?: ErrorOptions) {
    super('LINKS', message, options)
  }
}
