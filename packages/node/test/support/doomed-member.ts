/** A member in a process of its own, which does as it is told and can be killed. Forked by `DoomedMember`. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { PortionCodec } from '@reprise/core'
import { auth, createNode, type NodeOptions, purchase, type Session, tlsSession, transport } from '@reprise/node'

const CODECS: ReadonlyMap<string, PortionCodec<unknown>> = new Map(
  [auth, purchase, tlsSession, transport].map((codec: PortionCodec<unknown>) => [codec.name, codec]),
)

interface Write {
  readonly id: string
  readonly portion: string
  readonly value: unknown
}

/** The parent's end. */
export class DoomedMember {
  readonly #process: ChildProcess

  private constructor(process: ChildProcess) {
    this.#process = process
  }

  /** Start it; resolves when it is ready. */
  static async start(options: NodeOptions): Promise<DoomedMember> {
    const process = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)], { serialization: 'advanced' })
    const member = new DoomedMember(process)
    await member.#answer()
    return member
  }

  /** Set a portion of a session, made at its first write, and wait until two others have it. */
  async write<Value>(id: string, portion: PortionCodec<Value>, value: Value): Promise<void> {
    const write: Write = { id, portion: portion.name, value }
    const answer = this.#answer()
    this.#process.send(write)
    await answer
  }

  /** SIGSTOP: it stands still, and its connections stay. */
  freeze(): void {
    this.#process.kill('SIGSTOP')
  }

  /** SIGCONT. */
  thaw(): void {
    this.#process.kill('SIGCONT')
  }

  /** SIGKILL; resolves when it is gone. Safe twice. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await gone
  }

  async #answer(): Promise<void> {
    const ended = new AbortController()
    const gone = once(this.#process, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('the member ended by itself')
    })
    try {
      await Promise.race([once(this.#process, 'message'), gone])
    } finally {
      ended.abort()
      gone.catch(() => {})
    }
  }
}

async function serve(options: NodeOptions): Promise<void> {
  const node = await createNode(options)
  const sessions = new Map<string, Session>()
  process.on('message', async ({ id, portion, value }: Write) => {
    const session = sessions.get(id) ?? (await node.create(id))
    sessions.set(id, session)
    session.set(CODECS.get(portion)!, value)
    await session.commit({ copies: 2 })
    process.send?.('written')
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}

const [, file, options] = process.argv
if (file === fileURLToPath(import.meta.url) && options !== undefined) await serve(JSON.parse(options) as NodeOptions)
