/**
 * A member with an admin server that ends at a signal. Its program waits with draining until it is told (`hold`), for ever
 * (`stuck`), or not at all.
 */
import { once } from 'node:events'
import { endOnSignals, startAdmin } from '@reprise/admin'
import { createNode } from '@reprise/node'

const [mode = '', join = '', drainMs = '10000'] = process.argv.slice(2)

const node = await createNode({ name: 'child', secret: 'the secret of a cluster in a test', join: [join] })
const admin = await startAdmin({ node })
const { ended } = endOnSignals({
  node,
  admin,
  drainMs: Number(drainMs),
  onDraining: async (signal) => {
    process.stdout.write(`draining ${signal}\n`)
    if (mode === 'hold') await once(process, 'message')
    if (mode === 'stuck') await new Promise(() => {})
    if (mode === 'fail') throw new Error('of the program')
  },
  ...(mode === 'stuck' && { exit: (code) => process.exit(code) }),
})
const session = await node.create(`of ${process.pid}`)
session.set('n', 1)
await session.commit()
process.stdout.write(`${admin.url}\n`)
process.exitCode = await ended
process.disconnect()
