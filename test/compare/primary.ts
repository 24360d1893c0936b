/**
 * An application's connections to the primary, wherever that is: every second the Sentinels are asked, and when it is elsewhere all connections
 * are made anew.
 *
 * The client library has the same, and was tried: it waits for a host that stands still for as long as it stands still, and makes a class
 * of all commands for each use of a connection, which takes it 50 ms and more. Redis shall not be measured by that.
 */
import { createClient } from 'redis'
import { CONNECTIONS, LOOK_DEADLINE_MS, LOOK_EVERY_MS, REDIS_PORT } from './constants.ts'
import { findPrimary } from './sentinel.ts'

export type Client = ReturnType<typeof createClient>

export class Primary {
  readonly #sentinels: readonly string[]
  readonly #waiting: ((client: Client) => void)[] = []
  #address: string | undefined
  #clients: readonly Client[] = []
  #free: Client[] = []
  #timer: NodeJS.Timeout | undefined

  private constructor(sentinels: readonly string[]) {
    this.#sentinels = sentinels
  }

  /** Resolves when it was looked for once; it may not have been found. */
  static async open(sentinels: readonly string[]): Promise<Primary> {
    const primary = new Primary(sentinels)
    await primary.#look()
    return primary
  }

  /** Do something on a connection that nobody else uses meanwhile. Waits for one. */
  async use<Value>(work: (client: Client) => Promise<Value>): Promise<Value> {
    const client = this.#free.pop() ?? (await new Promise<Client>((resolve) => this.#waiting.push(resolve)))
    try {
      return await work(client)
    } finally {
      if (this.#clients.includes(client)) this.#give(client)
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#drop()
  }

  async #look(): Promise<void> {
    const address = await findPrimary(this.#sentinels)
    if (address !== undefined && address !== this.#address) await this.#turnTo(address)
    this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY_MS)
  }

  /** What was under way elsewhere is rejected. */
  async #turnTo(address: string): Promise<void> {
    this.#drop()
    this.#address = address
    const socket = { host: address, port: REDIS_PORT, connectTimeout: LOOK_DEADLINE_MS }
    this.#clients = Array.from({ length: CONNECTIONS }, () => createClient({ socket }))
    for (const client of this.#clients) {
      client.on('error', () => {})
      // It goes on trying until it is dropped; what is asked of it meanwhile waits.
      client.connect().catch(() => {})
      this.#give(client)
    }
  }

  #give(client: Client): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(client)
    else next(client)
  }

  #drop(): void {
    const clients = this.#clients
    this.#clients = []
    this.#free = []
    for (const client of clients) if (client.isOpen) client.destroy()
  }
}
