/** A client with a cookie jar, over plain HTTP. */

export class Browser {
  readonly #origin: string
  #cookies = new Map<string, string>()

  constructor(origin: string) {
    this.#origin = origin
  }

  /** One with the same cookies: another tab. */
  clone(): Browser {
    const other = new Browser(this.#origin)
    other.#cookies = this.#cookies
    return other
  }

  /** Have the cookies of another one from now on, as if both were one that comes to several servers. */
  share(other: Browser): void {
    this.#cookies = other.#cookies
  }

  async get(path: string): Promise<{ status: number; body: unknown; setsCookie: boolean }> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(this.#origin + path, {
      headers: { cookie, connection: 'close' },
      redirect: 'manual',
    })
    const set = response.headers.getSetCookie()
    for (const line of set) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (name !== undefined && value !== undefined) this.#cookies.set(name, value)
    }
    const text = await response.text()
    const location = response.headers.get('location')
    if (location !== null) return await this.get(location)
    return { status: response.status, body: isJson(response) ? JSON.parse(text) : text, setsCookie: set.length > 0 }
  }
}

function isJson(response: Response): boolean {
  return response.headers.get('content-type')?.includes('json') === true
}
