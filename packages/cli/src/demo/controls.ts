/**
 * What the page lets a person do to a node of the demo: `POST /controls/NAME` with `{ "node": "node-2" }`.
 *
 * Only when the story is over: it breaks nodes itself, and promises what comes of it.
 */
import type { AdminControl } from '@reprise/admin'
import { UsageError } from '@reprise/core'
import type { LocalCluster, MemberState } from '../cluster/local-cluster.ts'

export interface ControlsInit {
  readonly cluster: LocalCluster
  readonly isPlaying: () => boolean
}

interface Control {
  /** When it can be used. */
  readonly states: readonly MemberState[]
  run(cluster: LocalCluster, name: string): unknown
}

const CONTROLS: Readonly<Record<string, Control>> = {
  kill: {
    states: ['up', 'stopped', 'cut', 'rejoining'],
    run: (cluster, name) => cluster.kill(name, 'SIGKILL'),
  },
  stop: { states: ['up'], run: (cluster, name) => cluster.freeze(name) },
  continue: { states: ['stopped'], run: (cluster, name) => cluster.thaw(name) },
  cut: { states: ['up'], run: (cluster, name) => cluster.cut(name) },
  heal: { states: ['cut'], run: (cluster, name) => cluster.heal(name) },
}

export function demoControls({ cluster, isPlaying }: ControlsInit): Readonly<Record<string, AdminControl>> {
  const controls = Object.entries(CONTROLS).map(([what, { states, run }]): [string, AdminControl] => {
    const control: AdminControl = async ({ node }) => {
      const member = cluster.members.find(({ name }) => name === node)
      if (member === undefined) throw new UsageError('node: the name of a node, such as node-1')
      if (!isPlaying()) throw new UsageError('the story breaks the nodes by itself; wait for its end')
      if (!states.includes(member.state)) throw new UsageError(`${what}: ${member.name} is ${member.state}`)
      await run(cluster, member.name)
      return { node: member.name, state: cluster.member(member.name).state }
    }
    return [what, control]
  })
  return Object.fromEntries(controls)
}
