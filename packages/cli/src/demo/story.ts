/**
 * The story of the demo, as a list of steps. Each step says what it does, does it with real clients against real
 * processes, and throws when what it promises does not hold. Nothing here knows how it is shown.
 */

import type { ClientKind } from '../clients/tls-client.ts'
import type { LocalCluster } from '../cluster/local-cluster.ts'
import { CommandError, ExitCode, explain } from '../failure.ts'
import { pause } from '../interruption.ts'
import { formatCount, plural } from '../units.ts'
import { BrokenPromiseError } from './broken-promise.ts'
import type { Tell } from './events.ts'
import { Scene, VICTIM } from './scene.ts'

/** One step of the story. */
interface Step {
  readonly title: string
  /** It belongs to the step before: no breath between the two. */
  readonly atOnce?: boolean
  /** @returns what was seen, in one line. */
  run(scene: Scene): Promise<string>
}

const KINDS: readonly ClientKind[] = ['TLS 1.2', 'TLS 1.2, no tickets', 'TLS 1.3']
/** Clients of each kind, each with a TLS session of its own. Half of them stay at the victim until it is dead. */
const CLIENTS_PER_KIND = 6
/** The victim is killed when both transfers have come so far. */
const KILL_AT_PERCENT = 33

const STEPS: readonly Step[] = [
  {
    title: 'start the nodes',
    run: async (scene) => {
      const { cluster } = scene
      await cluster.start()
      return `${cluster.members.length} processes, each knows the others`
    },
  },
  {
    title: `make TLS sessions at ${VICTIM}`,
    run: async (scene) => {
      for (let index = 0; index < CLIENTS_PER_KIND; index++) {
        for (const kind of KINDS) await scene.makeSession(kind)
      }
      return `${plural(scene.clients.length, 'client')}, TLS 1.2 and 1.3`
    },
  },
  {
    title: 'resume half at every other node',
    run: (scene) => scene.resumeAll(scene.others, scene.clients.slice(0, scene.clients.length / 2)),
  },
  {
    title: `fill a basket at ${VICTIM}`,
    run: async (scene) => {
      for (const item of ['tea', 'cups', 'honey']) await scene.putItem(VICTIM, item)
      return await scene.readBasket('node-3')
    },
  },
  {
    title: 'start a download and an upload',
    run: async (scene) => {
      scene.startTransfers()
      await scene.transfersAt(KILL_AT_PERCENT / 100)
      return `at ${VICTIM}, ${KILL_AT_PERCENT} % done`
    },
  },
  {
    title: `kill ${VICTIM}`,
    atOnce: true,
    run: async ({ cluster }) => {
      const { pid } = cluster.member(VICTIM)
      await cluster.kill(VICTIM, 'SIGKILL')
      return `kill -9 ${pid}: its memory is gone`
    },
  },
  {
    title: 'resume all at every survivor',
    atOnce: true,
    run: (scene) => scene.resumeAll(scene.others),
  },
  {
    title: 'continue the download and the upload',
    run: async (scene) => {
      const { download, upload } = await scene.checkTransfers()
      return `from byte ${formatCount(download)} and byte ${formatCount(upload)}`
    },
  },
  {
    title: 'continue the basket',
    run: async (scene) => {
      await scene.readBasket('node-2')
      await scene.putItem('node-2', 'spoon')
      return await scene.readBasket('node-3')
    },
  },
  {
    title: `start ${VICTIM} again`,
    run: async ({ cluster }) => {
      const before = cluster.member(VICTIM).info
      const after = await cluster.restart(VICTIM)
      if (before === undefined || after.peerId !== before.peerId || after.incarnation <= before.incarnation) {
        throw new BrokenPromiseError(`${VICTIM} did not come back as the same member in a new life`)
      }
      return 'the same member, with an empty memory'
    },
  },
  {
    title: 'resume there what it made before',
    run: async (scene) => {
      const resumed = await scene.resumeAll([VICTIM])
      scene.say(`the basket too: ${await scene.readBasket(VICTIM)}`)
      return resumed
    },
  },
]

export interface StoryOptions {
  readonly tell: Tell
  /** Called when all nodes are there, and waited for. */
  readonly onStarted?: () => Promise<void>
  /** Ends the story early. */
  readonly signal: AbortSignal
  /** Wait so long after most steps, in milliseconds, so that people can follow. */
  readonly breathMs: number
}

/**
 * Run the story to its end, or to the first step that does not hold; then tell the verdict.
 * @returns the scene, whose clients may play on.
 * @throws CommandError that names the step and says why: with the exit code of a broken promise when Reprise did not do what
 * it is for, else of a failure. The signal's reason, without a verdict.
 */
export async function runStory(
  cluster: LocalCluster,
  { tell, onStarted, signal, breathMs }: StoryOptions,
): Promise<Scene> {
  const startedMs = performance.now()
  // What is under way when a step fails ends with the story.
  const aborter = new AbortController()
  const scene = new Scene(cluster, tell, AbortSignal.any([signal, aborter.signal]))
  const conclude = (failedStep?: string): void => {
    tell({ type: 'verdict', verdict: scene.verdict(failedStep, performance.now() - startedMs) })
  }
  tell({ type: 'begin', nodes: cluster.members.length, steps: STEPS.map(({ title }) => title) })
  for (const [index, step] of STEPS.entries()) {
    if (index > 0 && step.atOnce !== true) await pause(breathMs, signal)
    signal.throwIfAborted()
    try {
      await runStep(index, step, scene, tell)
      if (index === 0) await onStarted?.()
    } catch (error) {
      aborter.abort(error)
      signal.throwIfAborted()
      conclude(step.title)
      throw stepError(step, error)
    }
  }
  conclude()
  return scene
}

async function runStep(index: number, step: Step, scene: Scene, tell: Tell): Promise<void> {
  const startedMs = performance.now()
  tell({ type: 'step-started', step: index })
  try {
    const summary = await step.run(scene)
    tell({ type: 'step-held', step: index, summary, tookMs: performance.now() - startedMs })
  } catch (error) {
    scene.signal.throwIfAborted()
    tell({ type: 'step-failed', step: index, error, tookMs: performance.now() - startedMs })
    throw error
  }
}

function stepError({ title }: Step, cause: unknown): CommandError {
  const { what, why } = explain(cause)
  const isBroken = cause instanceof BrokenPromiseError
  return new CommandError(
    {
      what: `the step "${title}" ${isBroken ? 'did not hold' : 'could not be carried out'}`,
      why: why === undefined ? what : `${what}: ${why}`,
      exitCode: isBroken ? ExitCode.invariant : ExitCode.failure,
    },
    { cause },
  )
}
