/**
 * Every option of a node, in one table. Parsing, validation, flags, variables of the environment, `config print`, help and
 * completion are all made from it: an option that is added here is known everywhere.
 *
 * Names are those of the config file, and of `createNode` where it has the option: `cache.bytesMax` is
 * `{ cache: { bytesMax } }` in a file, `--cache-bytes-max` on the command line and `REPRISE_CACHE_BYTES_MAX` in the
 * environment.
 */
import {
  bytes,
  countOrAll,
  type HostAndPort,
  hostAndPort,
  list,
  listenAddress,
  milliseconds,
  millisecondsOrNone,
  number,
  oneOf,
  path,
  text,
  type ValueKind,
} from './values.ts'

/** The values of all options, by name. What is undefined was not given and has no default. */
export interface ConfigValues {
  readonly name: string | undefined
  readonly cluster: string
  readonly dataDir: string | undefined
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly join: readonly string[]
  readonly secret: string | undefined
  readonly secretFile: string | undefined
  readonly allow: readonly string[]
  readonly zone: string | undefined
  readonly role: 'member' | 'repository'
  readonly 'repository.directory': string | undefined
  readonly 'repository.bytesMax': number | undefined
  readonly weight: number
  readonly copies: number | 'all'
  readonly 'cache.bytesMax': number
  readonly 'lifetime.idleMs': number
  readonly 'lifetime.absoluteMs': number
  readonly encryption: 'tls' | 'noise'
  readonly carrier: 'gossip' | 'direct'
  readonly readyMs: number
  readonly drainMs: number
  readonly watchdogMs: number
  readonly admin: HostAndPort
  readonly adminToken: string | undefined
  readonly adminTokenFile: string | undefined
  readonly memcached: string | undefined
  readonly resp: string | undefined
  readonly sessiond: string | undefined
  readonly 'gateways.user': string
  readonly 'gateways.password': string | undefined
  readonly 'gateways.passwordFile': string | undefined
  readonly 'gateways.exposed': 'no' | 'yes'
  readonly 'gateways.serve': readonly string[]
  readonly 'gateways.refuse': readonly string[]
  readonly 'log.level': 'debug' | 'info' | 'warn' | 'error'
  readonly 'log.format': 'auto' | 'json' | 'text'
}
export type OptionName = keyof ConfigValues

export interface ConfigOption<Value> {
  readonly kind: ValueKind<NonNullable<Value>>
  /** What it is, and what its default means where that is not plain. */
  readonly help: string
  readonly default: Value
  /**
   * A secret: read from the environment alone, since a command line is seen by everybody on the machine and a config file is
   * committed one day; and never printed. Says which option names a file for it.
   */
  readonly secretFile?: OptionName
}

const MS_MAX = 2 ** 31 - 1
/** As the node has it: 366 days. */
const LIFETIME_MS_MAX = 366 * 24 * 3_600_000

/** In the order in which a person thinks of them. Defaults are those of `createNode`; a test compares the two. */
export const OPTIONS: { readonly [Name in OptionName]: ConfigOption<ConfigValues[Name]> } = {
  name: { kind: text('<name>', 64), default: undefined, help: "the node's name for people; the end of its id" },
  cluster: {
    kind: text('<name>', 64),
    default: 'reprise',
    help: 'members of clusters with different names do not see each other',
  },
  dataDir: {
    kind: path('<dir>'),
    default: undefined,
    help: 'keeps identity and incarnation; without it the node is a new member at each start',
  },
  listen: {
    kind: list('<multiaddr>', 16),
    default: ['/ip4/127.0.0.1/tcp/0'],
    help: 'where members reach this node; port 0 is one of the system’s choice',
  },
  announce: {
    kind: list('<multiaddr>', 16),
    default: [],
    help: 'what others are told instead (NAT, containers)',
  },
  join: {
    kind: list('<address>', 256),
    default: [],
    help: 'where to find members: multiaddrs, host:port, or DNS names of which every address is tried',
  },
  secret: {
    kind: text('<secret>', 1_024),
    default: undefined,
    help: 'the cluster secret, at least 16 bytes; who does not know it cannot connect',
    secretFile: 'secretFile',
  },
  secretFile: {
    kind: path('<file>'),
    default: undefined,
    help: 'a file with the cluster secret, not readable by others',
  },
  allow: { kind: list('<peer id>', 1_024), default: [], help: 'who may be a member; whoever knows the secret' },
  zone: {
    kind: text('<name>', 64),
    default: undefined,
    help: 'rack or data centre: copies are spread over zones first',
  },
  role: {
    kind: oneOf(['member', 'repository']),
    default: 'member',
    help: 'a repository keeps all shards besides their holders, and is none of the copies that commits wait for',
  },
  'repository.directory': {
    kind: path('<dir>'),
    default: undefined,
    help: 'where a repository keeps them through restarts; without it in memory. Needs a data directory',
  },
  'repository.bytesMax': {
    kind: bytes({ min: 1024 ** 2, max: 1024 ** 5 }),
    default: undefined,
    help: 'what they may take there; what the disk has',
  },
  weight: {
    kind: number({ min: 0, max: 100 }),
    default: 1,
    help: 'share of the shards relative to others; 0 holds none',
  },
  copies: {
    kind: countOrAll(64),
    default: 2,
    help: 'holders of each session besides its primary; the same on all members',
  },
  'cache.bytesMax': {
    kind: bytes({ min: 1024 ** 2, max: 1024 ** 4 }),
    default: 64 * 1024 ** 2,
    help: 'memory for sessions, least recently used out first',
  },
  'lifetime.idleMs': {
    kind: milliseconds({ min: 1, max: LIFETIME_MS_MAX }),
    default: 30 * 60_000,
    help: 'how long a session made here lives without being used',
  },
  'lifetime.absoluteMs': {
    kind: milliseconds({ min: 1, max: LIFETIME_MS_MAX }),
    default: 24 * 3_600_000,
    help: 'how long a session made here lives at most',
  },
  encryption: { kind: oneOf(['tls', 'noise']), default: 'tls', help: 'between members; the same on all of them' },
  carrier: {
    kind: oneOf(['gossip', 'direct']),
    default: 'gossip',
    help: "how this node's writes reach the holders: a gossipsub topic for each shard, or a stream to each holder",
  },
  readyMs: {
    kind: milliseconds({ min: 0, max: MS_MAX }),
    default: 10_000,
    help: 'how long the start waits for the other members before it serves what it has',
  },
  drainMs: {
    kind: milliseconds({ min: 0, max: MS_MAX }),
    default: 10_000,
    help: 'how long SIGTERM hands over to others at most; 0: not at all',
  },
  watchdogMs: {
    kind: millisecondsOrNone({ min: 100, max: 3_600_000 }),
    default: 0,
    help: 'end the process when its event loop stands still for so long, so that its ports refuse instead of hanging; 0: never',
  },
  admin: {
    kind: hostAndPort,
    default: { host: '127.0.0.1', port: 0 },
    help: 'where the admin server listens; anything but loopback needs a token',
  },
  adminToken: {
    kind: text('<token>', 1_024),
    default: undefined,
    help: 'what the admin server asks for; made and kept in the data directory when none is given',
    secretFile: 'adminTokenFile',
  },
  adminTokenFile: {
    kind: path('<file>'),
    default: undefined,
    help: 'a file with the admin token, not readable by others',
  },
  memcached: {
    kind: listenAddress,
    default: undefined,
    help: 'where clients of memcached find sessions, in its text protocol; nowhere',
  },
  resp: {
    kind: listenAddress,
    default: undefined,
    help: 'where clients of Redis find sessions, in RESP2 and RESP3; nowhere',
  },
  sessiond: {
    kind: listenAddress,
    default: undefined,
    help: 'where stunnel finds sessions, in datagrams on loopback; nowhere',
  },
  'gateways.user': {
    kind: text('<name>', 64),
    default: 'reprise',
    help: 'who clients of gateways say they are, where there is a password',
  },
  'gateways.password': {
    kind: text('<password>', 1_024),
    default: undefined,
    help: 'what clients of gateways must show, at least 16 characters; nothing is asked',
    secretFile: 'gateways.passwordFile',
  },
  'gateways.passwordFile': {
    kind: path('<file>'),
    default: undefined,
    help: 'a file with that password, not readable by others',
  },
  'gateways.exposed': {
    kind: oneOf(['no', 'yes']),
    default: 'no',
    help: 'gateways may listen where other machines connect, in the clear; needs a password',
  },
  'gateways.serve': {
    kind: list('<prefix>', 64),
    default: [],
    help: 'only keys that begin with one of these; all',
  },
  'gateways.refuse': {
    kind: list('<prefix>', 64),
    default: ['authn-socache:', 'cache-socache:'],
    help: 'no keys that begin with one of these: password hashes and whole responses of Apache httpd',
  },
  'log.level': { kind: oneOf(['debug', 'info', 'warn', 'error']), default: 'info', help: 'the least that is logged' },
  'log.format': {
    kind: oneOf(['auto', 'json', 'text']),
    default: 'auto',
    help: 'auto: text on a terminal, JSON elsewhere',
  },
}

export const OPTION_NAMES: readonly OptionName[] = Object.keys(OPTIONS).filter(
  (name): name is OptionName => name in OPTIONS,
)

/** `--cache-bytes-max` for `cache.bytesMax`. */
export function flagOf(name: OptionName): string {
  return `--${words(name).join('-')}`
}

/** `REPRISE_CACHE_BYTES_MAX` for `cache.bytesMax`. */
export function variableOf(name: OptionName): string {
  return `REPRISE_${words(name).join('_').toUpperCase()}`
}

function words(name: OptionName): string[] {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).split(/[.-]/)
}
