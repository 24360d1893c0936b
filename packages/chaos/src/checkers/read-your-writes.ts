/** What is read includes everything that the client's own token proves. */
import type { Violation } from '../run-record.ts'
import { type Evidence, readsOf, storiesOf, violation } from './checker.ts'

export function readYourWrites(evidence: Evidence): Violation[] {
  return storiesOf(evidence).flatMap((story) =>
    readsOf(story)
      .filter(({ detail }) => detail.found === 'complete')
      .flatMap((read) => {
        const items = new Set(read.detail.items)
        const missing = (read.detail.expects ?? []).filter((item) => !items.has(item))
        if (missing.length === 0) return []
        const where = evidence.memberNames[read.node] ?? `member ${read.node}`
        return [
          violation(
            'read-your-writes',
            read,
            `${where} showed session ${story.session} without ${missing.join(', ')}, which the token proves`,
          ),
        ]
      }),
  )
}
