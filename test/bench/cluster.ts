/** Members in processes of their own, that found each other. */
import type { NodeOptions } from '@reprise/node'
import { Child, type Commands } from './child.ts'

/** What every module that a cluster is made of can be asked. */
export interface ClusterCommands extends Commands {
  start(options: NodeOptions): Promise<{ readonly nodeId: string; readonly addresses: readonly string[] }>
  whenReady(members: number): Promise<void>
}

/** Members, in the order of their options. */
export class Cluster<C extends ClusterCommands> implements AsyncDisposable {
  readonly members: readonly Child<C>[]

  private constructor(members: readonly Child<C>[]) {
    this.members = members
  }

  /** Fork `module` once for each of `options`; resolves when all are ready and know each other. */
  static async start<C extends ClusterCommands>(
    module: URL,
    options: readonly NodeOptions[],
    signal: AbortSignal,
  ): Promise<Cluster<C>> {
    const members = options.map(() => new Child<C>(module, signal))
    const cluster = new Cluster(members)
    try {
      const plain = members as unknown as readonly Child<ClusterCommands>[]
      const [first, ...others] = plain
      const { addresses } = await (first as Child<ClusterCommands>).call('start', options[0] as NodeOptions)
      await Promise.all(
        others.map((member, i) => member.call('start', { ...options[i + 1], join: addresses, readyMs: 0 })),
      )
      await Promise.all(plain.map((member) => member.call('whenReady', members.length)))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  member(index: number): Child<C> {
    return this.members[index] as Child<C>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()))
  }
}
