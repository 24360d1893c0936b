/** Bounds of the RESP gateway, with unit and reason. What a client sends is measured before it is kept. */
import assert from 'node:assert/strict'

/** Longest request on one line and longest line that announces a length, in bytes: what Redis takes of an inline request. */
export const LINE_BYTES_MAX: number = 64 * 1024

/** Arguments of one request, its name included. `MGET` of all keys of a `SCAN` fits; each costs about 100 bytes while it waits. */
export const ARGUMENTS_MAX: number = 16 * 1024

/** Longest argument by default, in bytes: a value. Redis asks for 512 MiB, memcached for 1 MiB. */
export const ARGUMENT_BYTES_MAX: number = 1024 * 1024

/** Bytes of all arguments of one request, by default: what a connection can make the gateway hold before it is answered. */
export const REQUEST_BYTES_MAX: number = 4 * 1024 * 1024

/** Before a client has proven who it is: enough for `HELLO 3 AUTH … SETNAME …`. As in Redis. */
export const STRANGER_ARGUMENTS_MAX = 10
export const STRANGER_ARGUMENT_BYTES_MAX: number = 16 * 1024

/** What a buffer of replies has at first, in bytes: one small value. It doubles as it fills. */
export const REPLY_BYTES_MIN = 512

/** What a buffer of replies may begin with because the last one was that full, in bytes. More would be kept for too little. */
export const REPLY_BYTES_KEPT_MAX: number = 16 * 1024

assert(STRANGER_ARGUMENTS_MAX < ARGUMENTS_MAX && STRANGER_ARGUMENT_BYTES_MAX < ARGUMENT_BYTES_MAX)
assert(LINE_BYTES_MAX < ARGUMENT_BYTES_MAX && ARGUMENT_BYTES_MAX < REQUEST_BYTES_MAX)

/** Keys that `SCAN` looks at when it is not told, as in Redis, and at most: visiting more would hold up others. */
export const SCAN_KEYS_DEFAULT = 10
export const SCAN_KEYS_MAX = 1_000

/** Replies that may wait to be taken before more requests are worked off, in bytes. A pipeline of a few bytes asks for gigabytes. */
export const REPLIES_BYTES_MAX: number = 256 * 1024

/** Characters of an unknown command, and of its arguments, that a client is shown. As in Redis. */
export const ECHO_CHARACTERS_MAX = 128
