/** `get <key>*`: the values of keys. */
import { keyOf } from '../arguments.ts'
import type { Command } from '../command.ts'
import { then } from '../command.ts'
import type { RetrievalOptions } from '../retrieval.ts'
import { answerItems } from '../retrieval.ts'

export function retrievalCommand(options: RetrievalOptions): Command {
  return {
    argsMin: 1,
    argsMax: Number.POSITIVE_INFINITY,
    hasNoreply: false,
    run: ({ args }, context) => {
      const { store } = context
      const [only] = args
      const found = args.length === 1 ? then1(store.get(keyOf(only))) : store.getMany(args.map((key) => keyOf(key)))
      return then(found, (entries) => answerItems(args, entries, context, options))
    },
  }
}

function then1<T>(answer: T | Promise<T>): readonly T[] | Promise<readonly T[]> {
  return answer instanceof Promise ? answer.then((value) => [value]) : [answer]
}

export const get: Command = retrievalCommand({ hasUnique: false })
