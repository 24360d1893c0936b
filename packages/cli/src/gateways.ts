/**
 * The gateways of a node: which there are, and how each is started. One that is added here is known to `node` and to `up`; its
 * option stands in the table of options.
 */
import type { GatewayFigures, GatewayServerOptions, LocalKeyValueStore } from '@reprise/gateways'
import { createKeyValueStore, serveMemcached, serveResp, serveSessiond } from '@reprise/gateways'
import type { Node } from '@reprise/node'

export const GATEWAY_NAMES = ['memcached', 'resp', 'sessiond'] as const
export type GatewayName = (typeof GATEWAY_NAMES)[number]

/** One that listens. */
export interface Gateway {
  readonly address: { readonly host: string; readonly port: number } | { readonly path: string }
  figures(): GatewayFigures
  stop(): Promise<void>
}

export interface GatewaysOptions extends Omit<GatewayServerOptions, 'listen'> {
  readonly node: Node
  /** The address of each that is wanted. */
  readonly listen: ReadonlyMap<GatewayName, string>
  readonly serve?: readonly string[]
  readonly refuse?: readonly string[]
}

/** Those of one node, over one store. */
export class Gateways {
  readonly #running: ReadonlyMap<GatewayName, Gateway>

  private constructor(running: ReadonlyMap<GatewayName, Gateway>) {
    this.#running = running
  }

  /** @throws what keeps one of them from listening; those before it are stopped then. */
  static async start({ node, listen, serve, refuse, ...options }: GatewaysOptions): Promise<Gateways> {
    const rules = { ...(serve !== undefined && { serve }), ...(refuse !== undefined && { refuse }) }
    const store = createKeyValueStore({ node, ...rules })
    const running = new Map<GatewayName, Gateway>()
    const gateways = new Gateways(running)
    try {
      for (const [name, address] of listen) {
        running.set(name, await STARTERS[name]({ ...options, node, store, listen: address }))
      }
    } catch (error) {
      await gateways.stop()
      throw error
    }
    return gateways
  }

  /** The port of one that runs and has one. */
  port(name: GatewayName): number | undefined {
    const address = this.#running.get(name)?.address
    return address !== undefined && 'port' in address ? address.port : undefined
  }

  /** What each of them did, by its name. */
  figures(): Readonly<Record<string, GatewayFigures>> {
    return Object.fromEntries([...this.#running].map(([name, gateway]) => [name, gateway.figures()]))
  }

  /** Finish what is under way, and close. Safe to call twice. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((gateway) => gateway.stop()))
  }
}

interface StartOptions extends GatewayServerOptions {
  readonly node: Node
  readonly store: LocalKeyValueStore
}

const STARTERS: Readonly<Record<GatewayName, (options: StartOptions) => Promise<Gateway>>> = {
  memcached: (options) => serveMemcached(options),
  resp: (options) => serveResp(options),
  sessiond: ({ node, store, listen, logger }) =>
    serveSessiond({ store, listen, status: () => node.status(), ...(logger !== undefined && { logger }) }),
}
