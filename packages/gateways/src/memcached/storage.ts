/** What the storage commands have in common: `<key> <flags> <exptime> <bytes> [<unique>] [noreply]`, then the data. */
import type { Answer, Write } from '../store/key-value.ts'
import { expiryOf, int32, keyOf, uint32 } from './arguments.ts'
import type { Command, Context, Request } from './command.ts'
import { then } from './command.ts'
import { BAD_FORMAT, MemcachedRefusal, TOO_LARGE } from './refusal.ts'

export interface StorageRequest extends Request {
  readonly key: Buffer
  readonly write: Write
}

/** @param store does it, and says what to answer. */
export function storageCommand(
  store: (request: StorageRequest, context: Context) => Answer<string>,
  args = 4,
): Command {
  return {
    argsMin: args,
    argsMax: args + 1,
    hasNoreply: true,
    blockBytes: (given) => {
      keyOf(given[0])
      uint32(given[1])
      expiryOf(given[2])
      const byteLength = int32(given[3])
      if (byteLength < 0 || byteLength > BLOCK_BYTES_MAX) throw new MemcachedRefusal(BAD_FORMAT)
      return byteLength
    },
    run: (request, context) => {
      const { args: given, block } = request
      const key = keyOf(given[0])
      const write = { value: block, flags: uint32(given[1]), expiry: expiryOf(given[2]) }
      context.counters.cmd_set += 1
      return then(store({ ...request, key, write }, context), (answer) => {
        if (answer === STORED) {
          context.counters.total_items += 1
          context.uses.stored(given[0] as string)
        }
        context.reply.line(answer)
      })
    },
  }
}

/** A block that is over the limit is let go of unread; a `set` of one leaves nothing, rather than what it was to replace. */
export function refuseLarge(request: Request, context: Context): Answer<void> {
  const refuse = (): never => {
    throw new MemcachedRefusal(TOO_LARGE)
  }
  if (request.name !== 'set' && request.name !== 'ms') return refuse()
  return then(context.store.delete(keyOf(request.args[0])), refuse)
}

export const STORED = 'STORED'
export const NOT_STORED = 'NOT_STORED'
/** More than that is no number of bytes to the server of Danga. */
const BLOCK_BYTES_MAX = 2 ** 31 - 3
