/** Markup as a type of its own: whatever else is put into a template is text, and escaped. */

/** Text that is HTML already. Only `html` and `trusted` make it. */
export class Markup {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

export type Content = string | number | Markup | readonly Markup[]

/** A piece of a page: strings and numbers are escaped, markup is taken as it is, a list is joined by lines. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = strings[0] ?? ''
  for (const [index, content] of contents.entries()) text += textOf(content) + (strings[index + 1] ?? '')
  return new Markup(text)
}

/** What this package wrote itself, for instance its style sheet. */
export function trusted(text: string): Markup {
  return new Markup(text)
}

/** Data for a script of the page, in an element of type `application/json`: no text in it can end the element. */
export function jsonMarkup(data: unknown): Markup {
  return new Markup(JSON.stringify(data).replaceAll('<', '\\u003c'))
}

export const NOTHING: Markup = new Markup('')

function textOf(content: Content): string {
  if (content instanceof Markup) return content.toString()
  if (typeof content === 'object') return content.join('\n')
  return String(content).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
