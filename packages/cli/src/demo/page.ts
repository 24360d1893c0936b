/**
 * The page of the demo, served by the demo itself: it shows the cluster through whichever member can be asked, and has buttons
 * that break members. Who opens it shows a token, which the address holds after `#`, where browsers keep it to themselves.
 */
import { randomBytes } from 'node:crypto'
import { type Admin, startAdmin } from '@reprise/admin'
import { loadPage } from '@reprise/dashboard'
import type { LocalCluster } from '../cluster/local-cluster.ts'
import { aborted } from '../interruption.ts'
import { PAGE_TOKEN_BYTES } from './constants.ts'
import { demoControls } from './controls.ts'
import type { DemoModel } from './model.ts'
import { StandIn } from './stand-in.ts'

export interface DemoPageInit {
  readonly cluster: LocalCluster
  readonly model: Pick<DemoModel, 'resumptions' | 'isPlaying'>
}

/** Made with `new`, opened with `open` when nodes are up, and closed with `await using`. */
export class DemoPage implements AsyncDisposable {
  readonly #init: DemoPageInit
  #standIn: StandIn | undefined
  #admin: Admin | undefined

  constructor(init: DemoPageInit) {
    this.#init = init
  }

  /**
   * Serve it. Resolves with what to open when there is something to show.
   * @throws the system's error when nothing can listen, or the signal's reason.
   */
  async open(signal: AbortSignal): Promise<string> {
    const { cluster, model } = this.#init
    const standIn = new StandIn(cluster)
    this.#standIn = standIn
    const [page] = await Promise.all([loadPage(), Promise.race([standIn.seen, aborted(signal)])])
    signal.throwIfAborted()
    const token = randomBytes(PAGE_TOKEN_BYTES).toString('base64url')
    const controls = demoControls({ cluster, isPlaying: () => model.isPlaying })
    const status = (): object => ({ demo: statusOf(this.#init) })
    this.#admin = await startAdmin({ node: standIn, token, page, extension: { status, controls } })
    return `${this.#admin.url}/#token=${token}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin?.close()
    await this.#standIn?.[Symbol.asyncDispose]()
  }
}

/** What the page shows besides the node. */
function statusOf({ cluster, model }: DemoPageInit): object {
  const { resumed, lost } = model.resumptions
  const nodes = cluster.members.map(({ name, pid = null, state }) => ({
    name,
    pid: state === 'down' ? null : pid,
    state,
  }))
  return { nodes, isPlaying: model.isPlaying, resumed, lost }
}
