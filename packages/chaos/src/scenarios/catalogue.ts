/** Every scenario that comes with the package, in the order in which they are listed. */
import type { Scenario } from '../scenario.ts'
import { clockJump, clockSkew } from './clocks.ts'
import {
  bridge,
  delayJitter,
  duplicateReorder,
  longPartition,
  loss5,
  loss20,
  narrow,
  oneWay,
  partition,
} from './network.ts'
import { freeze, joinLeaveStorm, kill, killTwo, mixedWires, restartTwice, rollingRestart, stall } from './processes.ts'
import { coldStart, diskFull, evicting } from './repositories.ts'
import { tlsFreeze, tlsKill, tlsPartition, tlsRollingRestart } from './tls.ts'

export const SCENARIOS: readonly Scenario[] = [
  kill,
  killTwo,
  freeze,
  stall,
  rollingRestart,
  restartTwice,
  joinLeaveStorm,
  partition,
  longPartition,
  oneWay,
  bridge,
  loss5,
  loss20,
  delayJitter,
  duplicateReorder,
  narrow,
  clockJump,
  clockSkew,
  coldStart,
  diskFull,
  evicting,
  mixedWires,
  tlsKill,
  tlsFreeze,
  tlsRollingRestart,
  tlsPartition,
]

/** The scenario of that name, if there is one. */
export function findScenario(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name)
}
