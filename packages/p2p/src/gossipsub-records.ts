/**
 * The one place that touches what gossipsub does not document.
 *
 * Its scoring keeps a record of every received message for two minutes, whatever `seenTTL` says: 10,000 frames a second
 * would be over a million records. Scores mean nothing among admitted members, so the records are thrown away.
 */

interface DeliveryRecords {
  readonly queue: { readonly length: number }
  clear(): void
}

/** The records of a gossipsub, or `undefined` when this version of it keeps them elsewhere. */
export const deliveryRecordsOf = (pubsub: unknown): DeliveryRecords | undefined => {
  const records = (pubsub as { score?: { deliveryRecords?: Partial<DeliveryRecords> } }).score?.deliveryRecords
  const isKnown = typeof records?.clear === 'function' && typeof records.queue?.length === 'number'
  return isKnown ? (records as DeliveryRecords) : undefined
}
