/** All backends, and which of them can do what a scenario asks for. */
import { UnsupportedError } from '../errors.ts'
import { type Abilities, assertAble } from '../plan.ts'
import type { BackendName, Scenario } from '../scenario.ts'
import type { Backend, NodeModules } from './backend.ts'
import { inproc } from './inproc.ts'
import { netns } from './netns.ts'
import { proc } from './proc.ts'
import { SIM_ABILITIES } from './sim/simulate.ts'

/** Those that run real nodes. */
export const BACKENDS: Readonly<Record<Exclude<BackendName, 'sim'>, Backend>> = { inproc, proc, netns }

/** What a backend can do on this system, with these modules. @throws UnsupportedError when it cannot be had here. */
export async function abilitiesOf(name: BackendName, modules: NodeModules): Promise<Abilities> {
  return name === 'sim' ? SIM_ABILITIES : await BACKENDS[name].abilities(modules)
}

/** For each scenario the backends that can do all of it on this system, which may take a moment to find out. */
export async function backendsFor(scenarios: readonly Scenario[]): Promise<readonly BackendName[][]> {
  const known = await Promise.all(NAMES.map(findAbilities))
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

async function findAbilities(name: BackendName): Promise<readonly [BackendName, Abilities | undefined]> {
  try {
    return [name, await abilitiesOf(name, { previousNode: undefined })]
  } catch (error) {
    if (error instanceof UnsupportedError) return [name, undefined]
    throw error
  }
}

const NAMES: readonly BackendName[] = ['sim', 'inproc', 'proc', 'netns']
