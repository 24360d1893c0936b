/** The body of a request, read within a bound and parsed as a JSON object. */
import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { BODY_BYTES_MAX } from '../constants.ts'
import { RequestError } from '../errors.ts'
import type { JsonObject } from '../options.ts'

/**
 * An empty body is an empty object.
 * @throws RequestError when it is too long, too slow, or no JSON object; the signal's reason.
 */
export async function readBody(request: IncomingMessage, signal: AbortSignal): Promise<JsonObject> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    signal.throwIfAborted()
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw tooLarge()
    chunks.push(chunk)
  }
  if (bytes === 0) return {}
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new RequestError(415, 'MEDIA_TYPE', 'the body is not marked as JSON', 'send content-type: application/json')
  }
  return parse(Buffer.concat(chunks).toString('utf8'))
}

function parse(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text, refuseProto)
  } catch (cause) {
    if (cause instanceof RequestError) throw cause
    // The parser's text would show a piece of the body.
    throw badBody('the body is not JSON')
  }
  if (!isObject(value)) throw badBody('the body is JSON, but not an object')
  return value
}

/** Whether a value of a body is an object, and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A property of that name is never meant well. */
function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw badBody('the body has a property named __proto__')
  return value
}

function badBody(message: string): RequestError {
  return new RequestError(400, 'USAGE', message, 'send one JSON object, such as {}')
}

function tooLarge(): RequestError {
  const message = `the body is longer than ${BODY_BYTES_MAX} bytes`
  return new RequestError(413, 'LIMIT', message, 'set large values through the library')
}
