/**
 * The hello: the first message each way on a control stream, and the check that the peer fits.
 *
 * ```text
 *  0       2        6    7
 *  ┌───────┬────────┬────┬──────────────┐
 *  │ v u16 │ s u32  │ n  │ name n, utf8 │   big-endian
 *  └───────┴────────┴────┴──────────────┘
 * ```
 *
 * `v` version of the wire, which is that of the stream's protocol; `s` number of shards; `name` of the cluster. The first
 * two bytes never change their meaning, so that any two versions can tell each other that they differ.
 */
import { CLUSTER_NAME_BYTES_MAX } from './constants.ts'
import { MismatchError } from './errors.ts'

/** What a node says of itself first. */
export interface Hello {
  readonly version: number
  readonly shardCount: number
  readonly clusterName: string
}

const VERSION_AT = 0
const SHARDS_AT = 2
const NAME_LENGTH_AT = 6
const NAME_AT = 7

/** The largest hello, in bytes. */
export const HELLO_BYTES_MAX: number = NAME_AT + CLUSTER_NAME_BYTES_MAX

export const encodeHello = (hello: Hello): Uint8Array => {
  const name = Buffer.from(hello.clusterName, 'utf8')
  const bytes = Buffer.alloc(NAME_AT + name.byteLength)
  bytes.writeUInt16BE(hello.version, VERSION_AT)
  bytes.writeUInt32BE(hello.shardCount, SHARDS_AT)
  bytes.writeUInt8(name.byteLength, NAME_LENGTH_AT)
  bytes.set(name, NAME_AT)
  return bytes
}

/**
 * Decode a peer's hello and compare it with ours.
 * @throws MismatchError when it cannot be decoded, or the peer is of another cluster, version or number of shards.
 */
export const checkHello = (bytes: Uint8Array, ours: Hello, from: string): void => {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const bad = (): MismatchError =>
    new MismatchError('BAD_HELLO', from, `its hello of ${view.byteLength} bytes is no hello`)
  if (view.byteLength < SHARDS_AT) throw bad()
  const version = view.readUInt16BE(VERSION_AT)
  if (version !== ours.version) {
    const advice = version < ours.version ? 'upgrade it' : 'upgrade this node'
    throw new MismatchError('VERSION_MISMATCH', from, `it speaks version ${version}, not ${ours.version}; ${advice}`)
  }
  if (view.byteLength < NAME_AT || view.byteLength !== NAME_AT + view.readUInt8(NAME_LENGTH_AT)) throw bad()
  const clusterName = view.toString('utf8', NAME_AT)
  if (clusterName !== ours.clusterName) {
    const detail = `it is of ${JSON.stringify(clusterName)}, this node of ${JSON.stringify(ours.clusterName)}`
    throw new MismatchError('CLUSTER_MISMATCH', from, `${detail}; correct the cluster name or the join addresses`)
  }
  const shardCount = view.readUInt32BE(SHARDS_AT)
  if (shardCount !== ours.shardCount) {
    const detail = `it divides into ${shardCount} shards, this node into ${ours.shardCount}`
    throw new MismatchError('SHARDS_MISMATCH', from, `${detail}; all members need the same number`)
  }
}
