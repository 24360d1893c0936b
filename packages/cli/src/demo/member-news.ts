/** What is told of a node that was broken, or is whole again: one line for the screen and for the plain lines. */
import type { MemberState, MemberView } from '../cluster/local-cluster.ts'

/** Undefined when the change is no news, or is told in another way: that it started, and that it died. */
export function newsOf(before: MemberState | undefined, { name, state, pid }: MemberView): string | undefined {
  if (state === before) return undefined
  if (state === 'stopped') return `${name} stands still: kill -STOP ${pid}`
  if (state === 'cut') return `${name} is cut off from the others; clients still reach it`
  if (state === 'rejoining')
    return before === 'stopped' ? `${name} goes on: kill -CONT ${pid}` : `${name} may come back`
  return state === 'up' && before === 'rejoining' ? `${name} is one of them again` : undefined
}
