/**
 * The binary protocol, which is refused in its own words, so that its clients can say why.
 *
 * ```
 *  0   1  magic: 0x80 request, 0x81 response       8   4  body length
 *  1   1  opcode                                  12   4  opaque
 *  2   2  key length                              16   8  cas
 *  4   1  extras length                           24      body
 *  5   1  data type
 *  6   2  status, of a response
 * ```
 */
import { Buffer } from 'node:buffer'

export const BINARY_MAGIC = 0x80
export const BINARY_HEADER_BYTES = 24

/** "Unknown command", for a request with this header. */
export function refuseBinary(request: Buffer): Buffer {
  const body = Buffer.from('the binary protocol is not served, use ASCII', 'latin1')
  const header = Buffer.alloc(BINARY_HEADER_BYTES)
  header[0] = 0x81
  header[1] = request[1] ?? 0
  header.writeUInt16BE(UNKNOWN_COMMAND, 6)
  header.writeUInt32BE(body.length, 8)
  request.copy(header, 12, 12, 16)
  return Buffer.concat([header, body])
}

const UNKNOWN_COMMAND = 0x0081
