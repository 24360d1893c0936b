/**
 * Kinds of values that an option can have: how they are read from text (flags, environment) and from a file, how they are
 * shown, and what to say when a value is none of them.
 */
import { parseListenAddress, showListenAddress } from '@reprise/gateways'
import { formatBytes } from '../units.ts'

/** Thrown when a value is not of its kind; says what would be. */
export class ValueError extends Error {
  readonly expected: string

  constructor(expected: string, options?: ErrorOptions) {
    super(`expected ${expected}`, options)
    this.name = 'ValueError'
    this.expected = expected
  }
}

export interface ValueKind<Value> {
  /** How it is named in help and completion: `<ms>`. */
  readonly placeholder: string
  /** The values, where they are a handful. */
  readonly choices?: readonly string[]
  /** A flag may be given several times, once for each. */
  readonly isList?: true
  /** A file or directory: shells complete it. */
  readonly isPath?: true
  /** @throws ValueError */
  fromText(text: string): Value
  /** As it stands in a file. @throws ValueError */
  fromData(data: unknown): Value
  /** For people, with its unit. */
  show(value: Value): string
  /** As it would stand in a file, where that is not the value itself. */
  toData?(value: Value): unknown
}

/** Text of some length. */
export function text(placeholder: string, max: number): ValueKind<string> {
  const read = (value: unknown): string => {
    if (typeof value === 'string' && value.length > 0 && value.length <= max && value.isWellFormed()) return value
    throw new ValueError(`text of 1 to ${max} characters`)
  }
  return { placeholder, fromText: read, fromData: read, show: (value) => value }
}

/** The path of a file or directory. */
export function path(placeholder: '<file>' | '<dir>'): ValueKind<string> {
  return { ...text(placeholder, 4_096), isPath: true }
}

/** Several texts: in a file a list, in text with commas between, as a flag also one at a time. */
export function list(placeholder: string, itemsMax: number): ValueKind<readonly string[]> {
  const read = (value: unknown): readonly string[] => {
    const isList = Array.isArray(value) && value.length <= itemsMax
    if (isList && value.every((item): item is string => typeof item === 'string' && item !== '')) return value
    throw new ValueError(`a list of at most ${itemsMax} texts`)
  }
  return {
    placeholder,
    isList: true,
    fromText: (value) => read(value.split(',').map((item) => item.trim())),
    fromData: read,
    show: (items) => (items.length === 0 ? '(none)' : items.join(', ')),
  }
}

export function oneOf<Choice extends string>(choices: readonly Choice[]): ValueKind<Choice> {
  const read = (value: unknown): Choice => {
    const choice = choices.find((candidate) => candidate === value)
    if (choice !== undefined) return choice
    throw new ValueError(`one of ${choices.join(', ')}`)
  }
  return { placeholder: '<word>', choices, fromText: read, fromData: read, show: (value) => value }
}

export interface Range {
  readonly min: number
  readonly max: number
}

/** A whole number of milliseconds. */
export function milliseconds({ min, max }: Range): ValueKind<number> {
  return numeric(
    '<ms>',
    `a whole number of milliseconds from ${min} to ${max}`,
    (value) => {
      return Number.isInteger(value) && value >= min && value <= max
    },
    (value) => `${value} ms`,
  )
}

/** The same, or 0 for not at all. */
export function millisecondsOrNone(range: Range): ValueKind<number> {
  const { min, max } = range
  const expected = `0, or a whole number of milliseconds from ${min} to ${max}`
  const fits = (value: number): boolean => value === 0 || (Number.isInteger(value) && value >= min && value <= max)
  return numeric('<ms>', expected, fits, (value) => `${value} ms`)
}

export function number({ min, max }: Range): ValueKind<number> {
  return numeric('<number>', `a number from ${min} to ${max}`, (value) => value >= min && value <= max, String)
}

/** Bytes: a number, or a number with a unit as in `64MiB`. */
export function bytes({ min, max }: Range): ValueKind<number> {
  const expected = `bytes from ${formatBytes(min)} to ${formatBytes(max)}, such as 67108864 or 64MiB`
  const fits = (value: number): boolean => Number.isInteger(value) && value >= min && value <= max
  const fromText = (value: string): number => {
    const [, digits, unit = ''] = /^(\d+) ?(|KiB|MiB|GiB)$/.exec(value) ?? []
    const bytes = Number(digits) * (BYTES_OF[unit] ?? 1)
    if (digits !== undefined && fits(bytes)) return bytes
    throw new ValueError(expected)
  }
  return {
    ...numeric('<bytes>', expected, fits, formatBytes),
    fromText,
    fromData: (data) => {
      if (typeof data === 'string') return fromText(data)
      if (typeof data === 'number' && fits(data)) return data
      throw new ValueError(expected)
    },
  }
}

/** A whole number from 0 on, or `all`. */
export function countOrAll(max: number): ValueKind<number | 'all'> {
  const expected = `a whole number from 0 to ${max}, or all`
  const count = numeric(
    '<count|all>',
    expected,
    (value) => Number.isInteger(value) && value >= 0 && value <= max,
    String,
  )
  return {
    placeholder: count.placeholder,
    fromText: (value) => (value === 'all' ? 'all' : count.fromText(value)),
    fromData: (data) => (data === 'all' ? 'all' : count.fromData(data)),
    show: String,
  }
}

/** Where an HTTP server listens, or is. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** `HOST:PORT`, `[IPV6]:PORT`, or the same as an address of plain HTTP. */
export const hostAndPort: ValueKind<HostAndPort> = {
  placeholder: '<host:port>',
  fromText: readHostAndPort,
  fromData: readHostAndPort,
  show: showHostAndPort,
  toData: showHostAndPort,
}

/** Where a gateway listens: `HOST:PORT`, `[IPV6]:PORT`, or `unix:PATH`. */
export const listenAddress: ValueKind<string> = {
  placeholder: '<address>',
  fromText: readListenAddress,
  fromData: readListenAddress,
  show: (value) => value,
}

function readListenAddress(value: unknown): string {
  try {
    return showListenAddress(parseListenAddress(String(value)))
  } catch (cause) {
    throw new ValueError('HOST:PORT such as 127.0.0.1:11211, or unix:PATH', { cause })
  }
}

function showHostAndPort({ host, port }: HostAndPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function readHostAndPort(value: unknown): HostAndPort {
  const [, ipv6, name, portText] =
    /^(?:http:\/\/)?(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})\/?$/i.exec(typeof value === 'string' ? value : '') ??
    []
  const host = ipv6 ?? name
  const port = Number(portText)
  if (host !== undefined && port <= 65_535) return { host, port }
  throw new ValueError('HOST:PORT, such as 127.0.0.1:7400')
}

function numeric(
  placeholder: string,
  expected: string,
  fits: (value: number) => boolean,
  show: (value: number) => string,
): ValueKind<number> {
  const read = (value: number): number => {
    if (fits(value)) return value
    throw new ValueError(expected)
  }
  return {
    placeholder,
    // `Number('')` would be a zero.
    fromText: (value) => read(value.trim() === '' ? Number.NaN : Number(value)),
    fromData: (data) => read(typeof data === 'number' ? data : Number.NaN),
    show,
  }
}

const BYTES_OF: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
