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
  randomFillSync,
} from 'node:crypto'
import type { Birth, SessionKey, Version } from '@reprise/core'
import { SealError, UsageError } from '@reprise/core'
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
  /** @param headBytes room in front of the sealed value, for its caller to fill. Default 0. */
  seal(plain: Uint8Array, place: Place, headBytes?: number): Uint8Array
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
  const byId = new Map(ring.map((key) => [key.id.readUInt32BE(), key]))
  const nonces = new Nonces()
  return {
    seal(plain, place, headBytes = 0) {
      const nonceAt = headBytes + SEAL_KEY_ID_BYTES
      const bodyAt = nonceAt + SEAL_NONCE_BYTES
      const sealed = Buffer.allocUnsafe(bodyAt + plain.length + SEAL_TAG_BYTES)
      sealed.set(current.id, headBytes)
      const nonce = sealed.subarray(nonceAt, bodyAt)
      nonces.draw(nonce)
      const cipher = createCipheriv('aes-256-gcm', current.key, nonce)
      cipher.setAAD(placeBytes(place))
      sealed.set(cipher.update(plain), bodyAt)
      // This cipher keeps no bytes for the end.
      cipher.final()
      sealed.set(cipher.getAuthTag(), bodyAt + plain.length)
      return sealed
    },
    open(sealed, place) {
      const overhead = SEAL_KEY_ID_BYTES + SEAL_NONCE_BYTES + SEAL_TAG_BYTES
      if (sealed.length < overhead) throw new SealError('the sealed value is cut short')
      const key = byId.get(Buffer.from(sealed.buffer, sealed.byteOffset, SEAL_KEY_ID_BYTES).readUInt32BE())
      if (key === undefined) {
        const id = Buffer.from(sealed.subarray(0, SEAL_KEY_ID_BYTES)).toString('hex')
        throw new SealError(`no sealing key ${id}: it was rotated out, or this node has other keys`)
      }
      const nonce = sealed.subarray(SEAL_KEY_ID_BYTES, SEAL_KEY_ID_BYTES + SEAL_NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', key.key, nonce, { authTagLength: SEAL_TAG_BYTES })
      decipher.setAAD(placeBytes(place))
      decipher.setAuthTag(sealed.subarray(sealed.length - SEAL_TAG_BYTES))
      try {
        const body = sealed.subarray(SEAL_KEY_ID_BYTES + SEAL_NONCE_BYTES, sealed.length - SEAL_TAG_BYTES)
        const plain = decipher.update(body)
        // Says whether it is the right place and nothing was changed; this cipher keeps no bytes for the end.
        decipher.final()
        return plain
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

/** Random nonces, drawn many at once: a draw costs about as much as sealing, whatever its length. */
class Nonces {
  readonly #drawn = Buffer.alloc(NONCES_AT_ONCE * SEAL_NONCE_BYTES)
  #at = this.#drawn.length

  draw(nonce: Uint8Array): void {
    if (this.#at === this.#drawn.length) {
      randomFillSync(this.#drawn)
      this.#at = 0
    }
    const from = this.#at
    this.#at += SEAL_NONCE_BYTES
    for (let i = 0; i < SEAL_NONCE_BYTES; i++) nonce[i] = this.#drawn[from + i] as number
  }
}

/**
 * Every field with its length or a fixed width, so that no two places give the same bytes. The bytes are good until the next
 * call.
 */
function placeBytes({ key, birth, portion, version }: Place): Buffer {
  const { epoch, node, incarnation } = version.tenure
  const bytesMax = PLACE_FIXED_BYTES + UTF8_BYTES_MAX * (key.length + portion.length + node.length)
  if (scratch.length < bytesMax) scratch = Buffer.alloc(bytesMax)
  const numbers = [birth.generation, birth.random, epoch, incarnation, version.seq]
  let at = 0
  for (const number of numbers) at = scratch.writeDoubleLE(number, at)
  at = writeText(key, at, 'latin1')
  at = writeText(portion, at, 'utf8')
  at = writeText(node, at, 'utf8')
  return scratch.subarray(0, at)
}

/** @returns where it ends. */
function writeText(text: string, at: number, encoding: 'latin1' | 'utf8'): number {
  const length = scratch.write(text, at + 4, encoding)
  scratch.writeUInt32LE(length, at)
  return at + 4 + length
}

/** Five numbers, and the lengths of three texts. */
const PLACE_FIXED_BYTES = 5 * 8 + 3 * 4
const UTF8_BYTES_MAX = 3
const NONCES_AT_ONCE = 256
let scratch = Buffer.alloc(512)
