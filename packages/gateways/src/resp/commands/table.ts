/** All commands of the gateway. */
import { type CommandTable, tableOf } from '../command.ts'
import { client } from './client.ts'
import { command } from './command.ts'
import { config } from './config.ts'
import { echo, ping, quit, reset, select } from './connection.ts'
import { decr, decrby, incr, incrby, incrbyfloat } from './counters.ts'
import { expire, expireat, persist, pexpire, pexpireat, pttl, ttl } from './expire.ts'
import { get, getdel, getex, getset } from './get.ts'
import { auth, hello } from './hello.ts'
import { info } from './info.ts'
import { dbsize, flushall, flushdb, scan } from './keyspace.ts'
import { del, exists, mget, mset, unlink } from './multiple.ts'
import { psetex, set, setex, setnx } from './set.ts'
import { append, strlen, type } from './values.ts'

export const COMMANDS: CommandTable = tableOf([
  ...[append, auth, client, command, config, dbsize, decr, decrby, del, echo, exists, expire, expireat],
  ...[flushall, flushdb, get, getdel, getex, getset, hello, incr, incrby, incrbyfloat, info, mget, mset],
  ...[persist, pexpire, pexpireat, ping, psetex, pttl, quit, reset, scan, select, set, setex, setnx, strlen],
  ...[ttl, type, unlink],
])
