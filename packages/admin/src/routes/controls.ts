/** `POST /controls/NAME`: what the program around the node lets be done with it, such as the demo's faults. */
import type { Logger } from '@reprise/node'
import { RequestError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Route } from '../http/router.ts'
import type { AdminExtension } from '../options.ts'

export interface ControlRoutesInit {
  readonly extension: AdminExtension
  readonly logger: Logger | undefined
}

export function controlRoutes({ extension, logger }: ControlRoutesInit): Route[] {
  const controls = new Map(Object.entries(extension.controls ?? {}))
  const answer = async (exchange: Exchange, name: string): Promise<void> => {
    const control = controls.get(name)
    if (control === undefined) {
      const next = controls.size === 0 ? 'this node has none' : `use one of ${[...controls.keys()].join(', ')}`
      throw new RequestError(404, 'NOT_FOUND', 'there is no such control', next)
    }
    const done = await control(await exchange.body(), exchange.signal)
    logger?.info('a control was used', { control: name })
    exchange.sendJson(200, { schemaVersion: 1, ...done })
  }
  return [
    {
      method: 'POST',
      path: '/controls/:name',
      access: 'control',
      answer: (exchange, parameters) => answer(exchange, parameters.get('name') ?? ''),
    },
  ]
}
