/**
 * `reprise demo`: the story, on the screen of a terminal or as plain lines.
 *
 * With `--once` it ends after the story: exit code 0 when every step held, 5 when Reprise broke a promise, 1 when the demo
 * could not be carried out, 4 when it took too long. Without, the cluster lives on until `q`, ^C or SIGTERM, which then is the
 * orderly end with exit code 0.
 *
 * While it runs, it serves a page, and other commands find it by the name `demo`.
 */
import { Command } from 'commander'
import { DEMO_NODES_DEFAULT, DEMO_NODES_MIN, DEMO_ONCE_DEADLINE_MS } from '../cluster/constants.ts'
import type { Confirm } from '../cluster/messages.ts'
import { clusterDirectory } from '../config/locations.ts'
import { BREATH_MS, DEMO_CLUSTER_NAME } from '../demo/constants.ts'
import type { Tell } from '../demo/events.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { listenForInterruption } from '../interruption.ts'
import { version } from '../manifest.ts'
import { type ClaimedState, ClusterStates } from '../state/cluster-state.ts'
import { nodesOf } from '../views/cluster-nodes.ts'
import { confirmOption, nodesOption } from './arguments.ts'

interface DemoOptions {
  readonly nodes: number
  readonly once?: boolean
  readonly confirm: Confirm
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('five nodes, real clients, a crash: watch every session continue')
    .addOption(nodesOption({ min: DEMO_NODES_MIN, byDefault: DEMO_NODES_DEFAULT }))
    .option('--once', 'end after the story; exit code 0 only if every step held')
    .addOption(confirmOption())
    .action(demo)
}

async function demo(options: DemoOptions): Promise<void> {
  const { LocalCluster, DemoModel, DemoPage, runStory, play, openView } = await load()
  using interruption = listenForInterruption()
  using state = claimState()
  await using cluster = new LocalCluster({ ...options, ...(state !== undefined && { adminToken: state.adminToken }) })
  const model = new DemoModel()
  await using page = new DemoPage({ cluster, model })
  using view = openView(() => interruption.interrupt('SIGINT'))
  const tell: Tell = (event) => {
    model.apply(event)
    view.tell(event)
  }
  cluster.on('changed', (member) => {
    tell({ type: 'member', member })
    // Where its nodes are: they may come back at other ports.
    if (cluster.members.every(({ info }) => info !== undefined)) state?.update(nodesOf(cluster.members))
  })
  cluster.on('ended', (end) => tell({ type: 'member-ended', end }))
  const deadline = AbortSignal.timeout(DEMO_ONCE_DEADLINE_MS)
  const signal = options.once === true ? AbortSignal.any([interruption.signal, deadline]) : interruption.signal
  try {
    const breathMs = view.isWatched && options.once !== true ? BREATH_MS : 0
    const onStarted = async (): Promise<void> => {
      const url = await page.open(signal)
      tell({ type: 'page', url })
    }
    const scene = await runStory(cluster, { tell, onStarted, signal, breathMs })
    if (options.once !== true) await play(scene, tell, signal)
  } catch (error) {
    throw error === deadline.reason ? tooLate(error) : error
  }
}

/**
 * What only a demo needs. Not loaded in `demo` itself: tsc leaves the `.ts` in a dynamic import of a function that has a
 * `using` declaration, which it rewrites for older Nodes.
 */
async function load() {
  const [{ LocalCluster }, { DemoModel }, { DemoPage }, { runStory }, { play }, { openView }] = await Promise.all([
    import('../cluster/local-cluster.ts'),
    import('../demo/model.ts'),
    import('../demo/page.ts'),
    import('../demo/story.ts'),
    import('../demo/play.ts'),
    import('../demo/view.ts'),
  ])
  return { LocalCluster, DemoModel, DemoPage, runStory, play, openView }
}

/** Undefined when the state cannot be kept, or another demo has the name: this one works all the same. */
function claimState(): ClaimedState | undefined {
  try {
    return new ClusterStates(clusterDirectory(process.env)).claim(DEMO_CLUSTER_NAME, version)
  } catch {
    return undefined
  }
}

function tooLate(cause: unknown): CommandError {
  return new CommandError(
    {
      what: `the demo was not done after ${DEMO_ONCE_DEADLINE_MS / 1_000} s`,
      why: 'this machine is very busy, or a step hangs',
      next: 'try it again; if it stays so, report the lines above',
      exitCode: ExitCode.timeout,
    },
    { cause },
  )
}
