/**
 * The files in `examples/` that no test runs say what is true: every metric, with its labels and their values, is told by a
 * node; every option, variable and port is one of the command's.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startAdmin } from '@reprise/admin'
import { createKeyValueStore, serveMemcached } from '@reprise/gateways'
import { createNode } from '@reprise/node'
import { parse, parseAllDocuments } from 'yaml'
import { type ParsedFamily, parseMetrics } from '../packages/admin/test/support/prometheus.ts'
import { flagOf, OPTION_NAMES, variableOf } from '../packages/cli/src/config/options.ts'
import { rootDirectory } from '../scripts/workspaces.ts'

const read = (path: string): string => readFileSync(join(rootDirectory, 'examples', path), 'utf8')

describe('examples', () => {
  describe('of Prometheus and Grafana', () => {
    let families: ReadonlyMap<string, ParsedFamily>

    before(async () => {
      const one = await createNode({ name: 'one' })
      const two = await createNode({ name: 'two', join: one.addresses })
      await one.whenReady({ members: 2 })
      const store = createKeyValueStore({ node: one })
      const gateway = await serveMemcached({ store, listen: '127.0.0.1:0' })
      const admin = await startAdmin({ node: one, gateways: () => ({ memcached: gateway.figures() }) })
      families = parseMetrics(await (await fetch(`${admin.url}/metrics`)).text())
      await admin.close()
      await gateway.stop()
      await Promise.all([one.stop({ drainMs: 0 }), two.stop({ drainMs: 0 })])
    })

    /** Every metric of an expression, with the label matchers that stand behind it. */
    function assertTold(expression: string): void {
      const named = [...expression.matchAll(/\b(reprise_\w+)(?:\{([^}]*)\})?/g)]
      assert.ok(named.length > 0, `no metric in ${expression}`)
      for (const [, name = '', matchers = ''] of named) {
        const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ''))
        assert.ok(family !== undefined, `nobody tells ${name}`)
        for (const [, label = '', operator, value = ''] of matchers.matchAll(/(\w+)(=~|!=|=)"([^"]*)"/g)) {
          if (label === 'instance') continue
          const values = family.samples.map(({ labels }) => labels.get(label))
          assert.ok(
            values.some((told) => told !== undefined),
            `${name} has no label ${label}`,
          )
          if (operator !== '=~') assert.ok(values.includes(value), `${name} is never told with ${label} ${value}`)
        }
      }
    }

    it('alert on metrics that exist', () => {
      const { groups } = parse(read('prometheus/rules.yaml')) as {
        groups: { rules: { alert: string; expr: string; labels: { severity: string }; annotations: object }[] }[]
      }
      const rules = groups.flatMap((group) => group.rules)
      assert.ok(rules.length > 0)
      for (const { expr, labels, annotations } of rules) {
        assertTold(expr)
        assert.match(labels.severity, /^(?:critical|warning)$/)
        assert.deepEqual(Object.keys(annotations), ['summary', 'description'])
      }
    })

    it('draw metrics that exist', () => {
      const dashboard = JSON.parse(read('grafana/reprise.json')) as {
        panels: { id: number; title: string; targets: { expr: string }[] }[]
        annotations: { list: { expr: string }[] }
      }
      const expressions = [...dashboard.panels.flatMap(({ targets }) => targets), ...dashboard.annotations.list]
      assert.ok(expressions.length > 20)
      for (const { expr } of expressions) assertTold(expr)
      assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
    })
  })

  describe('of processes and containers', () => {
    const flags = new Set(OPTION_NAMES.map(flagOf))
    const variables = new Set(OPTION_NAMES.map(variableOf))
    const files = ['systemd/reprise.service', 'docker/Dockerfile', 'docker/compose.yaml', 'kubernetes/reprise.yaml']

    for (const file of files) {
      it(`${file} gives the command options that it has`, () => {
        // Comments, and what is said to others than the command.
        const text = read(file).replaceAll(/^(?:\s*#|RUN |HEALTHCHECK ).*$/gm, '')
        const used = [...text.matchAll(/(?<![\w-])--([a-z][a-z-]+)(?==| \/| \$)/g)].map(([, name]) => `--${name}`)
        for (const flag of used) assert.ok(flags.has(flag) || flag === '--config', flag)
        const set = [...text.matchAll(/\bREPRISE_[A-Z_]+\b/g)].map(([name]) => name)
        for (const variable of set) assert.ok(variables.has(variable), variable)
        assert.ok(used.length + set.length > 0)
      })
    }

    it('the service of Kubernetes publishes members before they are ready, and the pods ask for it by its port', () => {
      const documents = parseAllDocuments(read('kubernetes/reprise.yaml')).map((document) => document.toJS())
      const [service, statefulSet] = documents as [
        {
          metadata: { name: string }
          spec: { clusterIP: string; publishNotReadyAddresses: boolean; ports: { name: string; port: number }[] }
        },
        {
          spec: {
            serviceName: string
            template: {
              spec: {
                terminationGracePeriodSeconds: number
                containers: { args: string[]; ports: { containerPort: number }[] }[]
              }
            }
          }
        },
      ]
      assert.equal(service.spec.clusterIP, 'None')
      assert.equal(service.spec.publishNotReadyAddresses, true)
      assert.equal(statefulSet.spec.serviceName, service.metadata.name)
      const [port] = service.spec.ports
      const [container] = statefulSet.spec.template.spec.containers
      assert.ok(port !== undefined && container !== undefined)
      assert.ok(
        container.args.some((arg) => arg.startsWith(`--join=dns+srv://_${port.name}._tcp.${service.metadata.name}.`)),
      )
      assert.ok(container.args.includes(`--listen=/ip4/0.0.0.0/tcp/${port.port}`))
      assert.ok(container.ports.some(({ containerPort }) => containerPort === port.port))
      assert.ok(statefulSet.spec.template.spec.terminationGracePeriodSeconds > 10, 'longer than drainMs')
    })
  })
})
