/** All backends, and which of them can do what a scenario asks for. */
import { UnsupportedError } from '../errors.ts'
import { type Abilities, assertAble } from '../plan.ts'
import type { BackendName, Scenario } from '../scenario.ts'
import type { Backend } from './backend.ts'
import { inproc } from './inproc.ts'
import { netns } from './netns.ts'
import { proc } from './proc.ts'

export const BACKENDS: Readonly<Partial<Record<BackendName, Backend>>> = { inproc, proc, netns }

/** For each scenario the backends that can do all of it on this system, which may take a moment to find out. */
export async function backendsFor(scenarios: readonly Scenario[]): Promise<readonly BackendName[][]> {
  const known = await Promise.all(Object.values(BACKENDS).map(abilitiesOf))
  const isAble = (name: BackendName, abilities: Abilities, scenario: Scenario): boolean => {
    try {
      assertAble(name, abilities, scenario)
      return true
    } catch (error) {
      if (error instanceof UnsupportedError) return false
      throw error
    }
  }
  return scenarios.map((scenario) =>
    known.flatMap(([name, abilities]) => (abilities !== undefined && isAble(name, abilities, scenario) ? [name] : [])),
  )
}

async function abilitiesOf(backend: Backend): Promise<readonly [BackendName, Abilities | undefined]> {
  try {
    return [backend.name, await backend.abilities()]
  } catch (error) {
    if (error instanceof UnsupportedError) return [backend.name, undefined]
    throw error
  }
}
