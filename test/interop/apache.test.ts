/** Two Apache httpd that speak to their nodes as to a memcached (socache_memcache). */
import { describeApache } from './support/apache-suite.ts'

describeApache({
  title: 'Apache httpd',
  option: '--memcached',
  sessionCacheOf: ({ memcachedPort }) => `memcache:127.0.0.1:${memcachedPort}`,
})
