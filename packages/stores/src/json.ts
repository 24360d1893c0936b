/** Plain data: what a session holds once it went through JSON. */
import type { JsonValue } from '@reprise/core'

/** A map of plain data. */
export type JsonMap = Readonly<Record<string, JsonValue | undefined>>

/** The fields of a document: no name in it means anything to JavaScript. */
export type Fields = ReadonlyMap<string, JsonValue>

/** A copy that shares nothing, as JSON would bring it back: without functions, undefined values and prototypes. */
export function toPlain(value: unknown): JsonValue | undefined {
  const text: string | undefined = JSON.stringify(value)
  return text === undefined ? undefined : (JSON.parse(text, withoutProto) as JsonValue)
}

export function isMap(value: JsonValue | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Narrows to lists, which `Array.isArray` does not do for readonly ones. */
export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** Whether two values are the same data. The order of a map's keys means nothing. */
export function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, index) => sameJson(item, b[index]))
  if (!isMap(a) || !isMap(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
  )
}

/** `{"__proto__": …}` stays out: whoever copies such an object would change what all objects inherit. */
function withoutProto(name: string, value: unknown): unknown {
  return name === '__proto__' ? undefined : value
}
