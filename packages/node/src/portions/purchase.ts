/**
 * Purchase information: what is in the basket, how far its payment is, and where the bill goes.
 *
 * Amounts are whole numbers of a currency's smallest unit, which do not round. A card number has no place here: keep the
 * reference that the payment provider gave for it.
 */
import type { PortionCodec } from '@reprise/core'
import { definePortion } from './define.ts'
import { instantMs, integer, list, object, oneOf, optional, text } from './shape.ts'

/** An amount of money. */
export interface Money {
  /** In the currency's smallest unit: 1,999 is EUR 19.99, and JPY 1,999. Negative for what is given back. */
  readonly amount: number
  /** ISO 4217: three capital letters. */
  readonly currency: string
}

/** One line of a basket. */
export interface PurchaseItem {
  /** What it is, by the shop's own name, up to 128 characters. */
  readonly sku: string
  /** What it is, for people. */
  readonly name?: string | undefined
  /** How many, 1 to 1,000,000. */
  readonly quantity: number
  /** Of one. */
  readonly price: Money
}

/** A payment, from its beginning to its end. */
export interface Transaction {
  /** The shop's own name for it, up to 128 characters; what makes asking twice harmless. */
  readonly id: string
  readonly state: 'open' | 'authorized' | 'captured' | 'cancelled' | 'failed' | 'refunded'
  readonly total: Money
  /** Who moves the money, and their name for the transaction. */
  readonly provider?: string | undefined
  readonly reference?: string | undefined
  /** When the state changed last, by the clock of the server that changed it. */
  readonly updatedAtMs?: number | undefined
}

/** Where the bill goes. */
export interface BillingAddress {
  readonly name: string
  /** Street and number, or what a country has in their place: 1 to 5 lines. */
  readonly lines: readonly string[]
  readonly city: string
  readonly postalCode?: string | undefined
  /** State, province or prefecture. */
  readonly region?: string | undefined
  /** ISO 3166-1: two capital letters. */
  readonly country: string
  readonly email?: string | undefined
  readonly taxId?: string | undefined
}

/** What a client is buying. */
export interface Purchase {
  /** Up to 1,000 lines. */
  readonly items: readonly PurchaseItem[]
  readonly transaction?: Transaction | undefined
  readonly billingAddress?: BillingAddress | undefined
}

const money = object({
  amount: integer({ min: -Number.MAX_SAFE_INTEGER }),
  currency: text({ pattern: /^[A-Z]{3}$/, like: 'a currency of three capital letters (ISO 4217)' }),
})

const item = object({
  sku: text({ max: 128 }),
  name: optional(text({ max: 256 })),
  quantity: integer({ min: 1, max: 1_000_000 }),
  price: money,
})

const transaction = object({
  id: text({ max: 128 }),
  state: oneOf('open', 'authorized', 'captured', 'cancelled', 'failed', 'refunded'),
  total: money,
  provider: optional(text({ max: 128 })),
  reference: optional(text({ max: 256 })),
  updatedAtMs: optional(instantMs),
})

const billingAddress = object({
  name: text({ max: 256 }),
  lines: list(text({ max: 256 }), { min: 1, max: 5 }),
  city: text({ max: 128 }),
  postalCode: optional(text({ max: 32 })),
  region: optional(text({ max: 128 })),
  country: text({ pattern: /^[A-Z]{2}$/, like: 'a country of two capital letters (ISO 3166-1)' }),
  email: optional(text({ max: 254 })),
  taxId: optional(text({ max: 64 })),
})

/** The portion `purchase`: basket, financial transaction, billing address. Sealed. */
export const purchase: PortionCodec<Purchase> = definePortion({
  name: 'purchase',
  version: 1,
  sealed: true,
  shape: object({
    items: list(item, { max: 1_000 }),
    transaction: optional(transaction),
    billingAddress: optional(billingAddress),
  }),
})
