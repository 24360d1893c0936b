/** Two Apache httpd that speak to their nodes as to a Redis (socache_redis). */
import { describeApache } from './support/apache-suite.ts'

describeApache({
  title: 'Apache httpd over RESP',
  option: '--resp',
  sessionCacheOf: ({ respPort }) => `redis:127.0.0.1:${respPort}`,
})
