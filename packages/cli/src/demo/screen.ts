/**
 * The demo on a terminal: a full screen, drawn anew whenever something changed, given back as it was at the end.
 *
 * It takes over the keyboard (`q` and ^C end the demo) and the terminal's alternate screen. Whatever ends the process, the
 * terminal is restored.
 */
import type { ReadStream, WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import { REDRAW_INTERVAL_MS } from './constants.ts'
import type { DemoEvent } from './events.ts'
import { frameLines, type Paint } from './frame.ts'
import { DemoModel } from './model.ts'

export interface ScreenOptions {
  readonly input: ReadStream
  readonly output: WriteStream
  /** `q` or ^C was typed. */
  readonly onQuit: () => void
}

/** Alternate screen, no cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
/** To the top left; the rest of a line; the rest of the screen. */
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const CTRL_C = '\u0003'

export class Screen implements Disposable {
  readonly model: DemoModel = new DemoModel()
  readonly #options: ScreenOptions
  readonly #startedMs = performance.now()
  readonly #paint: Paint
  readonly #timer: NodeJS.Timeout
  #isOpen = true
  #drawn = ''

  constructor(options: ScreenOptions) {
    const { input, output } = options
    this.#options = options
    this.#paint = (colour, text) => styleText(colour, text, { stream: output })
    output.write(ENTER)
    output.on('resize', this.#onResize)
    input.setRawMode(true)
    input.on('data', this.#onKey)
    input.resume()
    process.once('exit', this.#restore)
    this.#timer = setInterval(() => this.#draw(), REDRAW_INTERVAL_MS)
  }

  show(event: DemoEvent): void {
    this.model.apply(event)
  }

  /** Give the terminal back. Safe to call twice. */
  [Symbol.dispose](): void {
    const { input, output } = this.#options
    clearInterval(this.#timer)
    process.off('exit', this.#restore)
    output.off('resize', this.#onResize)
    input.off('data', this.#onKey)
    this.#restore()
    input.pause()
  }

  #draw(): void {
    const { output } = this.#options
    const { columns, rows } = output
    const lines = frameLines(this.model, { columns, rows }, performance.now() - this.#startedMs, this.#paint)
    const frame = `${HOME}${lines.map((line) => `${line}${CLEAR_LINE}`).join('\r\n')}${CLEAR_BELOW}`
    if (frame === this.#drawn) return
    this.#drawn = frame
    output.write(frame)
  }

  readonly #onResize = (): void => {
    this.#drawn = ''
    this.#draw()
  }

  readonly #onKey = (keys: Buffer | string): void => {
    const text = keys.toString()
    if (text.includes('q') || text.includes(CTRL_C)) this.#options.onQuit()
  }

  readonly #restore = (): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#options.input.setRawMode(false)
    this.#options.output.write(LEAVE)
  }
}
