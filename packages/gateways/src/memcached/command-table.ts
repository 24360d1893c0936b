/** All commands, by name. A name that is not here is answered with `ERROR`. */
import type { Command } from './command.ts'
import { add } from './commands/add.ts'
import { append } from './commands/append.ts'
import { cas } from './commands/cas.ts'
import { decr } from './commands/decr.ts'
import { deleteKey } from './commands/delete.ts'
import { flushAll } from './commands/flush-all.ts'
import { gat } from './commands/gat.ts'
import { gats } from './commands/gats.ts'
import { get } from './commands/get.ts'
import { gets } from './commands/gets.ts'
import { incr } from './commands/incr.ts'
import { ma } from './commands/ma.ts'
import { md } from './commands/md.ts'
import { me } from './commands/me.ts'
import { mg } from './commands/mg.ts'
import { mn } from './commands/mn.ts'
import { ms } from './commands/ms.ts'
import { prepend } from './commands/prepend.ts'
import { quit } from './commands/quit.ts'
import { replace } from './commands/replace.ts'
import { set } from './commands/set.ts'
import { stats } from './commands/stats.ts'
import { touch } from './commands/touch.ts'
import { verbosity } from './commands/verbosity.ts'
import { version } from './commands/version.ts'

export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['get', get],
  ['gets', gets],
  ['gat', gat],
  ['gats', gats],
  ['set', set],
  ['add', add],
  ['replace', replace],
  ['append', append],
  ['prepend', prepend],
  ['cas', cas],
  ['incr', incr],
  ['decr', decr],
  ['touch', touch],
  ['delete', deleteKey],
  ['flush_all', flushAll],
  ['verbosity', verbosity],
  ['version', version],
  ['stats', stats],
  ['quit', quit],
  ['mg', mg],
  ['ms', ms],
  ['md', md],
  ['ma', ma],
  ['mn', mn],
  ['me', me],
])
