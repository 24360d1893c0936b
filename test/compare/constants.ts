/** What the comparison with Redis is made of, with units and reasons. */

/** Hosts that have a Redis server and a Sentinel, the first the primary. All hosts have the application. */
export const REDIS_HOSTS = 3
export const REDIS_PORT = 6_379
export const SENTINEL_PORT = 26_379
/** Sentinels that have to agree: the majority. */
export const QUORUM = 2
/** The name that Sentinel and its clients have for the primary. */
export const PRIMARY_NAME = 'sessions'

/** When Sentinel takes a primary for gone, in milliseconds. Its own default is six times as long. */
export const DOWN_AFTER_MS = 5_000
/** How long a failover may take before it is tried again, in milliseconds. Its own default is nine times as long. */
export const FAILOVER_TIMEOUT_MS = 20_000

/** How long an application waits for Redis, in milliseconds: as long as one waits for copies here. */
export const REDIS_DEADLINE_MS = 2_000
/** How long of that it waits for replicas, in milliseconds. */
export const WAIT_MS = 1_500
/** Connections of an application to the primary: each is held up while it waits for replicas. */
export const CONNECTIONS = 8

/** How often an application asks where the primary is, and how long it waits for an answer, in milliseconds. */
export const LOOK_EVERY_MS = 1_000
export const LOOK_DEADLINE_MS = 1_000

/** How long Redis, its replicas and Sentinel may take until all have found each other, in milliseconds. */
export const FORM_DEADLINE_MS = 60_000
