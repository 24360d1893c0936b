/** Bounds of the memcached protocol, with unit and reason. */

/** Bytes of a key, as every client knows it. */
export const MEMCACHED_KEY_BYTES_MAX = 250
/** Bytes of a command line, but for those that list keys: as the server of Danga has it. */
export const LINE_BYTES_MAX = 2_048
/** Bytes of a line that lists keys. Each may be fetched from other nodes, so this bounds what one request starts. */
export const KEYS_LINE_BYTES_MAX: number = 64 * 1024
/** Bytes of answers that one turn makes, before they are sent. */
export const REPLIES_BYTES_MAX: number = 256 * 1024
/** An exptime above this is a Unix time: a month in seconds. */
export const RELATIVE_SECONDS_MAX: number = 30 * 86_400
/** Bytes of an opaque token. */
export const OPAQUE_BYTES_MAX = 32
/** Keys whose last use is remembered for `mg` with `h` and `l`, some 100 bytes each. What is forgotten counts as never used. */
export const USES_REMEMBERED_MAX = 65_536
/** Whose protocol this is: some clients choose by it what they send, and parse it as three numbers. */
export const PROTOCOL_VERSION = '1.6.18'
/** The longest delay of `flush_all`, in seconds: what a timer can wait. */
export const FLUSH_DELAY_SECONDS_MAX: number = 24 * 86_400
