/** Colours, where they are wanted: on a terminal, unless NO_COLOR is set. Never the only way to say something. */
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Style a text that goes to stdout. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

/** What is there to be found, and not to be read: the titles of a table. */
export function dim(text: string): string {
  return paint('dim', text)
}
