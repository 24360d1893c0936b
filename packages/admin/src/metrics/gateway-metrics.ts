/**
 * The metrics of gateways: other programs' protocols over the node. This package knows none of them; whoever starts them hands
 * over what they count.
 */
import { by, counter, gauge } from './families.ts'
import type { MetricFamily, Sample } from './format.ts'

/** What a gateway did since it began, as those of `@reprise/gateways` tell it. */
export interface GatewayFigures {
  /** Of one that is spoken to over connections. */
  readonly connections?: { readonly open: number; readonly accepted: number; readonly refused: number }
  readonly commands: number
  /** Commands that were refused, or could not be carried out. */
  readonly errors: number
  /** Values that were asked for, and were found. */
  readonly hits: number
  /** Values that were asked for, and were not found in time, or not at all. */
  readonly misses: number
  readonly bytes: { readonly in: number; readonly out: number }
}

/** Of all gateways of a node, by their names. */
export type GatewaysFigures = Readonly<Record<string, GatewayFigures>>

/** None of a node without gateways. */
export function gatewayMetrics(gateways: GatewaysFigures): MetricFamily[] {
  const all = Object.entries(gateways)
  if (all.length === 0) return []
  const each = (pick: (figures: GatewayFigures) => number): Sample[] =>
    all.map(([gateway, figures]) => ({ labels: { gateway }, value: pick(figures) }))
  const eachBy = (label: string, pick: (figures: GatewayFigures) => Readonly<Record<string, number>>): Sample[] =>
    all.flatMap(([gateway, figures]) => by(label, pick(figures), { gateway }))
  return [
    ...connectionMetrics(all),
    counter(
      'gateway_commands',
      'Commands that a gateway was given.',
      each(({ commands }) => commands),
    ),
    counter(
      'gateway_errors',
      'Commands that a gateway refused, or could not carry out.',
      each(({ errors }) => errors),
    ),
    counter(
      'gateway_lookups',
      'Values that a gateway was asked for, by result. A miss was not found in time, or not at all.',
      eachBy('result', ({ hits, misses }) => ({ hit: hits, miss: misses })),
    ),
    counter(
      'gateway_bytes',
      'What a gateway read and wrote, by direction.',
      eachBy('direction', ({ bytes }) => ({ in: bytes.in, out: bytes.out })),
    ),
  ]
}

/** None where all are spoken to in datagrams. */
function connectionMetrics(gateways: readonly (readonly [string, GatewayFigures])[]): MetricFamily[] {
  const connected = gateways.flatMap(([gateway, { connections }]) => (connections ? [{ gateway, ...connections }] : []))
  if (connected.length === 0) return []
  const each = (name: 'open' | 'accepted' | 'refused'): Sample[] =>
    connected.map(({ gateway, [name]: value }) => ({ labels: { gateway }, value }))
  return [
    gauge('gateway_connections', 'Open connections to a gateway.', each('open')),
    counter('gateway_connections_accepted', 'Connections that a gateway took.', each('accepted')),
    counter(
      'gateway_connections_refused',
      'Connections that a gateway closed because there were too many, or too much was waiting.',
      each('refused'),
    ),
  ]
}
