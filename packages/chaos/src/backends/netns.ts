/** Members on hosts of their own, which are network namespaces: real addresses, and all that packets can suffer. Linux, as root. */
import { UnsupportedError } from '../errors.ts'
import { NetnsLinks } from '../links/netns-links.ts'
import type { Backend } from './backend.ts'
import { NamespaceHosts } from './processes/hosts.ts'
import { PROCESS_FAULTS, ProcessCluster } from './processes/process-cluster.ts'

export const netns: Backend = {
  name: 'netns',
  abilities: async ({ previousNode }) => {
    const obstacle = await NetnsLinks.obstacle()
    if (obstacle !== undefined) throw new UnsupportedError('netns', `cannot be had: ${obstacle}`)
    // What packets can suffer depends on the system: it is asked of links that are there.
    await using links = await NetnsLinks.open({ members: 1, seed: 0 })
    return { faults: PROCESS_FAULTS, conditions: links.can, previousWire: previousNode !== undefined, tls: true }
  },
  start: async (scenario, { seed, signal, previousNode, tls }) => {
    const hosts = await NamespaceHosts.open(scenario.cluster.nodes, seed)
    return await ProcessCluster.start({ scenario, hosts, signal, previousNode, tls })
  },
}
