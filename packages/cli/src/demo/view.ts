/** How the demo is shown here: on the screen of a terminal that has a keyboard, or as plain lines. */
import type { Tell } from './events.ts'
import { DemoLines } from './lines.ts'
import { Screen } from './screen.ts'

export interface View extends Disposable {
  readonly tell: Tell
  /** Somebody sits before it. */
  readonly isWatched: boolean
}

/** @param onQuit called when the person at the terminal wants to end the demo. */
export function openView(onQuit: () => void): View {
  const { stdin: input, stdout: output } = process
  const lines = new DemoLines(() => performance.now())
  if (!input.isTTY || !output.isTTY || process.env['TERM'] === 'dumb') {
    const tell: Tell = (event) => print(lines.linesOf(event))
    return { tell, isWatched: false, [Symbol.dispose]: () => {} }
  }
  const screen = new Screen({ input, output, onQuit })
  const story: string[] = []
  return {
    isWatched: true,
    tell: (event) => {
      screen.show(event)
      const isStory = event.type !== 'playing' && !screen.model.isPlaying
      if (isStory) story.push(...lines.linesOf(event))
    },
    [Symbol.dispose]: () => {
      screen[Symbol.dispose]()
      // What was shown is gone with the screen; the story stays to be read, and to be copied.
      print(story)
    },
  }
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line)
}
