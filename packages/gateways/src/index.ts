/**
 * Gateways: the sessions of a cluster over the protocols that others speak.
 *
 * @packageDocumentation
 */
export type { GatewayFailure } from './errors.ts'
export { GatewayError, KeyError, KeyRefusedError, StoreUnavailableError, ValueTooLargeError } from './errors.ts'
export type {
  Answer,
  Change,
  Decision,
  Entry,
  Expiry,
  KeyValueLimits,
  KeyValueStore,
  Mark,
  Page,
  Write,
} from './store/key-value.ts'
