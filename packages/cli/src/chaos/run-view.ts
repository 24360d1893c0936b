/** Shows a run on stderr while it goes on: lines for what happens, and on a terminal one below them that tells how it is. */
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import type { RunEvent } from '@reprise/chaos'
import { type Opening, RunLines } from './run-lines.ts'

export class RunView implements Disposable {
  readonly #lines: RunLines
  readonly #output: WriteStream
  #hasStatus = false

  /** @param output a terminal, or not: then there is no status. */
  constructor(opening: Opening, output: WriteStream) {
    this.#lines = new RunLines(opening)
    this.#output = output
  }

  tell(event: RunEvent): void {
    const lines = this.#lines.linesOf(event)
    const status = this.#output.isTTY ? this.#lines.status() : undefined
    if (lines.length === 0 && status === undefined) return
    this.#clear()
    for (const line of lines) this.#output.write(`${line}\n`)
    if (status === undefined) return
    this.#output.write(
      styleText('dim', status.slice(0, this.#output.columns || COLUMNS_DEFAULT), { stream: this.#output }),
    )
    this.#hasStatus = true
  }

  /** Take the status away. Safe to call twice. */
  [Symbol.dispose](): void {
    this.#clear()
  }

  #clear(): void {
    if (this.#hasStatus) this.#output.write(CLEAR_LINE)
    this.#hasStatus = false
  }
}

/** Of a terminal that does not know how wide it is. */
const COLUMNS_DEFAULT = 80
/** To the first column, and the rest of the line is gone. */
const CLEAR_LINE = '\r\u001b[K'
