/** Who a member is: an ed25519 key, whose public half, as a libp2p peer id, is the node's id. */
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { UsageError } from '@reprise/core'

/** A fresh identity. Keep `privateKey` in a file of mode 0600 and pass it again to stay the same member. */
export interface Identity {
  /** The text of the peer id, as in `Network.nodeId`. */
  readonly nodeId: string
  /** The libp2p private key, protobuf-encoded (68 bytes). */
  readonly privateKey: Uint8Array
}

/** Make a new ed25519 identity. */
export const generateIdentity = async (): Promise<Identity> => {
  const key = await generateKeyPair('Ed25519')
  return { nodeId: peerIdFromPrivateKey(key).toString(), privateKey: privateKeyToProtobuf(key) }
}

/**
 * The id of the node that has this key.
 * @throws UsageError when the bytes are not a protobuf-encoded libp2p private key.
 */
export const nodeIdOf = (privateKey: Uint8Array): string => peerIdFromPrivateKey(parsePrivateKey(privateKey)).toString()

/** Decode a key, or make one when there is none. */
export const resolvePrivateKey = async (privateKey: Uint8Array | undefined): Promise<PrivateKey> =>
  privateKey === undefined ? await generateKeyPair('Ed25519') : parsePrivateKey(privateKey)

const parsePrivateKey = (privateKey: Uint8Array): PrivateKey => {
  try {
    return privateKeyFromProtobuf(privateKey)
  } catch (cause) {
    throw new UsageError('privateKey must be a protobuf-encoded libp2p private key; see generateIdentity', { cause })
  }
}
