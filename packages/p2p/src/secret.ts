/** The cluster secret as libp2p's pre-shared key: who does not know it does not even get a handshake. */
import { hkdfSync } from 'node:crypto'
import type { ConnectionProtector } from '@libp2p/interface'
import { preSharedKey } from '@libp2p/pnet'
import { UsageError } from '@reprise/core'
import { PROTECTED_CHUNK_BYTES, SECRET_BYTES_MIN } from './constants.ts'

type Factory = ReturnType<typeof preSharedKey>
type Protected = Awaited<ReturnType<ConnectionProtector['protect']>>

/** Binds the derived key to its one use (RFC 5869). A new use of the secret takes another text, never this one. */
const INFO = 'reprise/p2p/pnet/1'

const KEY_BYTES = 32

/**
 * Derive the pre-shared key by HKDF-SHA256 and write it in the format of a libp2p swarm key.
 * The secret itself is neither kept nor sent.
 * @throws UsageError when the secret is shorter than 16 bytes.
 */
export const swarmKey = (secret: string | Uint8Array): Uint8Array => {
  const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret
  if (bytes.byteLength < SECRET_BYTES_MIN) {
    throw new UsageError(
      `the cluster secret has ${bytes.byteLength} bytes; use at least ${SECRET_BYTES_MIN} random ones`,
    )
  }
  const key = Buffer.from(hkdfSync('sha256', bytes, new Uint8Array(0), INFO, KEY_BYTES))
  return Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${key.toString('hex')}`)
}

/**
 * Protects connections with the key of the secret, and the process from the cipher.
 *
 * The cipher of `@libp2p/pnet` 3.0.27 works in 640 KiB of WebAssembly memory that all connections of the process share. When
 * one large write makes it grow, the other connections grow it again with each byte, and at 64 MB the process dies of an
 * uncaught RangeError; and each connection takes 128 bytes of it and never gives them back. So writes are cut here, and the
 * ciphers are given back when their connection closes. (Mended after that release in js-libp2p #3585.)
 */
export const protectWith = (secret: string | Uint8Array): Factory => {
  const factory = preSharedKey({ psk: swarmKey(secret) })
  return () => {
    const protector = factory()
    return {
      protect: async (connection, options) => {
        const stream = await protector.protect(connection, options)
        cutWrites(stream)
        stream.addEventListener('close', () => releaseCiphers(stream))
        return stream
      },
    }
  }
}

const cutWrites = (stream: Protected & { maxMessageSize?: number }): void => {
  stream.maxMessageSize = PROTECTED_CHUNK_BYTES
}

interface Cipher {
  update(bytes: Uint8Array): Uint8Array
  finalize?(): void
}

/** What comes on a closed connection is thrown away; it need not be deciphered for that. */
const SPENT: Cipher = { update: (bytes) => bytes }

/** Give the memory of the ciphers back. They are private fields of the stream. @returns how many there were. */
export const releaseCiphers = (stream: object): number => {
  const holder = stream as { inboundXor?: Cipher; outboundXor?: Cipher }
  let released = 0
  for (const name of ['inboundXor', 'outboundXor'] as const) {
    const cipher = holder[name]
    if (typeof cipher?.finalize !== 'function') continue
    holder[name] = SPENT
    cipher.finalize()
    released++
  }
  return released
}
