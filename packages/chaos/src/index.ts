/**
 * Chaos for a cluster: scenarios as data, the backends that run them, the checkers that judge a run, and its report.
 */
export { LinksError } from './links/errors.ts'
export type * from './links/links.ts'
export { type LabHost, NetnsLab } from './links/netns-lab.ts'
export { NetnsLinks, type NetnsLinksOptions } from './links/netns-links.ts'
export { allLinks, ProxyLinks, type ProxyLinksOptions } from './links/proxy-links.ts'
export { faultName } from './report/fault-name.ts'
export { renderReport } from './report/report.ts'
export type * from './run-record.ts'
export type * from './scenario.ts'
