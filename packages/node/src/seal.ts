/**
 * Sealing: values that only members with the key can read, each bound to its place.
 *
 * ```
 *  0-3    key id         first bytes of SHA-256 of the key
 *  4-15   nonce          random
 *  16-    ciphertext     AES-256-GCM
 *  last 16               authentication tag
 * ```
 *
 * The place (session id, birth, portion, version) is authenticated with the value (rule W3): moved elsewhere, or replayed as
 * a newer version, it does not open. A large value is sealed whole, before it is cut into chunks, and bound to its blob
 * number in place of the version, which it does not have yet; chunks that are exchanged or left out do not open. The first key of the ring seals, all of them open, so keys rotate with overlap: put
 * the new key second everywhere, then first everywhere, then drop the old one.
 */
import { Buffer } from 'node:buffer'
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { Birth, SessionKey, Version } from '@reprise/core'
import { keyBytes, SealError, UsageError } from '@reprise/core'
import { SEAL_KEY_BYTES, SEAL_KEY_ID_BYTES, SEAL_KEYS_MAX, SEAL_NONCE_BYTES, SEAL_TAG_BYTES } from './constants.ts'

/** Where a value belongs. */
export interface Place {
  readonly key: SessionKey
  readonly birth: Birth
  readonly portion: string
  /** Of the write; of a value outside the head, its blob number. */
  readonly version: Version
}

export interface Sealer {
  seal(plain: Uint8Array, place: Place): Uint8Array
  /** @throws SealError when the key is unknown, the place is another one, or the bytes were changed. */
  open(sealed: Uint8Array, place: Place): Uint8Array
}

/** The sealing key that a cluster has when it only has a secret: HKDF-SHA256 (RFC 5869). */
export function deriveSealKey(secret: Uint8Array, clusterName: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, clusterName, 'reprise sealing key 1', SEAL_KEY_BYTES))
}

/** @param keys the sealing key first, older ones after it. @throws UsageError when one is not 32 bytes long. */
export function createSealer(keys: readonly Uint8Array[]): Sealer {
  if (keys.length === 0 || keys.length > SEAL_KEYS_MAX) throw new UsageError(`sealKeys: 1 to ${SEAL_KEYS_MAX} keys`)
  const ring = keys.map(toRingKey)
  const current = ring[0] as RingKey
  const byId = new Map(ring.map((key) => [key.id.toString('hex'), key]))
  return {
    seal(plain, place) {
      const nonce = randomBytes(SEAL_NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', current.key, nonce)
      cipher.setAAD(placeBytes(place))
      return Buffer.concat([current.id, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    open(sealed, place) {
      const overhead = SEAL_KEY_ID_BYTES + SEAL_NONCE_BYTES + SEAL_TAG_BYTES
      if (sealed.length < overhead) throw new SealError('the sealed value is cut short')
      const id = Buffer.from(sealed.subarray(0, SEAL_KEY_ID_BYTES)).toString('hex')
      const key = byId.get(id)
      if (key === undefined)
        throw new SealError(`no sealing key ${id}: it was rotated out, or this node has other keys`)
      const nonce = sealed.subarray(SEAL_KEY_ID_BYTES, SEAL_KEY_ID_BYTES + SEAL_NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', key.key, nonce, { authTagLength: SEAL_TAG_BYTES })
      decipher.setAAD(placeBytes(place))
      decipher.setAuthTag(sealed.subarray(sealed.length - SEAL_TAG_BYTES))
      try {
        const body = sealed.subarray(SEAL_KEY_ID_BYTES + SEAL_NONCE_BYTES, sealed.length - SEAL_TAG_BYTES)
        return Buffer.concat([decipher.update(body), decipher.final()])
      } catch (cause) {
        throw new SealError('the sealed value does not belong here, or was changed', { cause })
      }
    },
  }
}

interface RingKey {
  readonly id: Buffer
  readonly key: KeyObject
}

function toRingKey(bytes: Uint8Array): RingKey {
  if (bytes.length !== SEAL_KEY_BYTES)
    throw new UsageError(`a sealing key has ${SEAL_KEY_BYTES} bytes, not ${bytes.length}`)
  const id = createHash('sha256').update('reprise seal key id').update(bytes).digest().subarray(0, SEAL_KEY_ID_BYTES)
  return { id, key: createSecretKey(bytes) }
}

/** Every field with its length or a fixed width, so that no two places give the same bytes. */
function placeBytes({ key, birth, portion, version }: Place): Buffer {
  const { epoch, node, incarnation } = version.tenure
  const numbers = new Float64Array([birth.generation, birth.random, epoch, incarnation, version.seq])
  const texts = [Buffer.from(keyBytes(key)), Buffer.from(portion, 'utf8'), Buffer.from(node, 'utf8')]
  const parts: Uint8Array[] = [new Uint8Array(numbers.buffer)]
  for (const text of texts) parts.push(new Uint8Array(new Uint32Array([text.length]).buffer), text)
  return Buffer.concat(parts)
}
