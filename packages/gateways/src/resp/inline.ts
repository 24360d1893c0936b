/**
 * Words of an inline request, quoted as a person would in a terminal; by the rules of Redis.
 *
 * In double quotes `\n`, `\r`, `\t`, `\b`, `\a` and `\xHH` are what they are in C, and any other escaped character is itself. In single
 * quotes only `\'` is special. A closing quote ends its word, so a space or the end must follow.
 */

/** @returns the words; undefined when quotes do not match. A NUL ends the line. */
export function splitInline(line: Buffer): Buffer[] | undefined {
  const nul = line.indexOf(0)
  const text = line.toString('latin1', 0, nul < 0 ? line.length : nul)
  const words: Buffer[] = []
  let at = 0
  for (;;) {
    while (isSpace(text[at])) at++
    if (at >= text.length) return words
    const word = readWord(text, at)
    if (word === undefined) return undefined
    words.push(Buffer.from(word.value, 'latin1'))
    at = word.end
  }
}

interface Word {
  readonly value: string
  readonly end: number
}

function readWord(text: string, from: number): Word | undefined {
  let value = ''
  let at = from
  while (at < text.length && !isSpace(text[at])) {
    const character = text[at] as string
    if (character !== '"' && character !== "'") {
      value += character
      at++
      continue
    }
    const quoted = character === '"' ? readDoubleQuoted(text, at + 1) : readSingleQuoted(text, at + 1)
    if (quoted === undefined) return undefined
    const { end } = quoted
    return end < text.length && !isSpace(text[end]) ? undefined : { value: value + quoted.value, end }
  }
  return { value, end: at }
}

function readDoubleQuoted(text: string, from: number): Word | undefined {
  let value = ''
  for (let at = from; at < text.length; ) {
    const character = text[at] as string
    if (character === '"') return { value, end: at + 1 }
    const hex = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(at, at + 4))
    if (hex !== null) {
      value += String.fromCharCode(Number.parseInt(hex[1] as string, 16))
      at += 4
    } else if (character === '\\' && at + 1 < text.length) {
      const escaped = text[at + 1] as string
      value += ESCAPES[escaped] ?? escaped
      at += 2
    } else {
      value += character
      at += 1
    }
  }
  return undefined
}

function readSingleQuoted(text: string, from: number): Word | undefined {
  let value = ''
  for (let at = from; at < text.length; at++) {
    if (text[at] === "'") return { value, end: at + 1 }
    if (text[at] === '\\' && text[at + 1] === "'") at++
    value += text[at]
  }
  return undefined
}

function isSpace(character: string | undefined): boolean {
  return character !== undefined && ' \t\n\v\f\r'.includes(character)
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }
