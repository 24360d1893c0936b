#!/usr/bin/env node
/**
 * The command `reprise`: finds out where it stands and hands over to `main`.
 *
 * - Installed from the registry it runs `dist/main.js` in this process, once the Node that runs it is new enough.
 * - In a clone, where `src` lies beside it, nothing needs to be built: it becomes the pinned Node of the repository
 *   (node_modules/node) running `src/main.ts`, with the condition that resolves every package to its source. The
 *   condition travels in NODE_OPTIONS and the pinned Node leads PATH, so every process below inherits both, whether it
 *   is started as `process.execPath`, as `node` or as `reprise`.
 *
 * Becoming is exec(2) where Node has it: same process id, nothing in between, so signals and exit codes need no care.
 * Older Nodes and Windows get a child, to which signals are passed on and whose end becomes the end of this process.
 *
 * Plain JavaScript that Node 18 can read: it must be able to say that a Node is too old.
 */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the published packages need, as `engines` says. */
const NODE_MIN = [22, 12]

const SOURCE_OPTION = '--conditions=@reprise/source'

const sourceMain = fileURLToPath(new URL('../src/main.ts', import.meta.url))

if (existsSync(sourceMain)) await runSource()
else await runBuilt()

async function runBuilt() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    console.error(
      `reprise needs Node ${NODE_MIN.join('.')} or newer; this is ${process.version} (${process.execPath}).`,
    )
    process.exit(1)
  }
  await import('../dist/main.js')
}

async function runSource() {
  const node = findPinnedNode()
  const nodeOptions = process.env.NODE_OPTIONS ?? ''
  if (node === process.execPath && nodeOptions.includes(SOURCE_OPTION)) {
    await import('../src/main.ts')
    return
  }
  if (node === process.execPath) await import('../../../scripts/check-node.js')

  const env = {
    ...process.env,
    NODE_OPTIONS: `${nodeOptions} ${SOURCE_OPTION}`.trim(),
    PATH: [dirname(node), process.env.PATH].filter(Boolean).join(delimiter),
  }
  const args = [sourceMain, ...process.argv.slice(2)]
  if (process.execve && process.platform !== 'win32') process.execve(node, [node, ...args], env)
  else runChild(node, args, env)
}

/** The Node that `npm ci` installed into this clone; the one that runs this, when install scripts were skipped. */
function findPinnedNode() {
  const file = process.platform === 'win32' ? 'node.exe' : 'node'
  const pinned = fileURLToPath(new URL(`../../../node_modules/node/bin/${file}`, import.meta.url))
  return existsSync(pinned) ? pinned : process.execPath
}

function runChild(node, args, env) {
  const child = spawn(node, args, { env, stdio: 'inherit' })

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK']) {
    process.on(signal, () => {
      // A terminal sends ^C to the whole foreground group: the child has it already, and twice would mean "at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }

  child.on('error', (error) => {
    console.error(`reprise: cannot start ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (exitCode, signal) => {
    if (signal === null) process.exit(exitCode)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
