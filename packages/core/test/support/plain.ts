/** The same value with every byte array as a `Uint8Array`: strict comparison looks at prototypes, and a view is a `Buffer`. */
export function plain<T>(value: T): T {
  if (value instanceof Uint8Array) return Uint8Array.from(value) as T
  if (Array.isArray(value)) return value.map(plain) as T
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, plain(item)])) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)])) as T
}
