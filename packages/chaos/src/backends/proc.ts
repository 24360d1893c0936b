/** Members as processes on this host, which reach each other through a proxy: no root, any system. */
import { LINE_CONDITIONS } from '../links/line.ts'
import type { Backend } from './backend.ts'
import { LoopbackHosts } from './processes/hosts.ts'
import { PROCESS_FAULTS, ProcessCluster } from './processes/process-cluster.ts'

export const proc: Backend = {
  name: 'proc',
  abilities: async ({ previousNode }) => ({
    faults: PROCESS_FAULTS,
    conditions: LINE_CONDITIONS,
    previousWire: previousNode !== undefined,
    tls: true,
  }),
  start: async (scenario, { seed, signal, previousNode, tls }) => {
    const hosts = await LoopbackHosts.open(scenario.cluster.nodes, seed)
    return await ProcessCluster.start({ scenario, hosts, signal, previousNode, tls })
  },
}
