/**
 * Carts are exact whenever they are looked at: no item twice, none that nobody put in, and in the end the same at every member.
 */
import type { Operation, Violation } from '../run-record.ts'
import { type Evidence, finalReadsOf, putsOf, readsOf, type SessionStory, storiesOf, violation } from './checker.ts'

export function carts(evidence: Evidence): Violation[] {
  return storiesOf(evidence).flatMap((story) => {
    const wrong = readsOf(story).flatMap((read) => judge(story, read))
    return [...wrong, ...differing(story, evidence)]
  })
}

function judge(story: SessionStory, read: Operation): Violation[] {
  const { items = [] } = read.detail
  const put = putsOf(story).filter(({ startMs, outcome }) => outcome !== 'failed' && startMs <= (read.endMs ?? startMs))
  const known = new Set(put.map(({ detail }) => detail.item))
  return items.flatMap((item, i) => {
    if (items.indexOf(item) !== i)
      return [violation('carts', read, `session ${story.session} has the item ${item} twice`)]
    if (known.has(item)) return []
    return [violation('carts', read, `session ${story.session} has the item ${item}, which nobody put in`)]
  })
}

function differing(story: SessionStory, { memberNames }: Evidence): Violation[] {
  const [first, ...others] = finalReadsOf(story).filter(({ detail }) => detail.found === 'complete')
  if (first === undefined) return []
  const expected = contents(first)
  return others
    .filter((other) => contents(other) !== expected)
    .map((other) => {
      const names = [first, other].map(({ node }) => memberNames[node] ?? `member ${node}`)
      return violation('carts', other, `the cart of session ${story.session} is not the same at ${names.join(' and ')}`)
    })
}

function contents({ detail }: Operation): string {
  return [...(detail.items ?? [])].sort().join()
}
