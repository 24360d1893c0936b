/**
 * What the examples of terminators have in common: a folder, a certificate, a cluster of two nodes, two terminators that a
 * client goes to and fro between, and the end of all that at Ctrl-C. What is worth copying is in the examples' own folders.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { fill } from './fill.js'
import { resume, VERSIONS, visit } from './visit.js'

/** How long a process may take to end; a node hands over what it holds first, for up to ten seconds. */
const END_MS_MAX = 15_000
/** How long what is waited for may take. Keys are not rotated in the first six seconds, and commands take one or two each. */
const WAIT_MS_MAX = 60_000

/** In a clone of the repository `reprise` is its own, as `npx reprise` would find it; elsewhere it is that of the PATH. */
const COMMANDS = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url))
const PATH = existsSync(join(COMMANDS, 'reprise')) ? `${COMMANDS}${delimiter}${process.env.PATH}` : process.env.PATH

/** Play an example, and stay until Ctrl-C; whatever happens, end what was started. The exit code is 0 if all went well. */
export async function play(example) {
  const stage = new Stage()
  const interrupted = new Promise((resolve) => {
    // For good: whoever asks twice does not want what was started to stay behind.
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, resolve)
  })
  try {
    const played = example(stage).then(() => console.log('\n^C ends it.'))
    await Promise.race([interrupted, stage.broken, played.then(() => interrupted)])
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  } finally {
    await stage.end()
  }
  process.exit()
}

class Stage {
  folder = mkdtempSync(join(tmpdir(), 'reprise-example-'))
  #env = { ...process.env, PATH, XDG_STATE_HOME: this.folder }
  /** In the order in which they were started. */
  #children = []
  #isEnding = false
  #break
  /** Rejects when something that was started ends by itself. */
  broken = new Promise((_, reject) => {
    this.#break = reject
  })

  constructor() {
    this.broken.catch(() => {})
  }

  path(...names) {
    return join(this.folder, ...names)
  }

  /** Write one of the example's configuration files with its places filled. @returns where it is. */
  configure(template, path, values) {
    writeFileSync(path, fill(template, values))
    return path
  }

  /** A key and a certificate for a day. */
  async certificate() {
    const [key, certificate] = [this.path('key.pem'), this.path('certificate.pem')]
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=shop.test'
    await this.#run('openssl', [...request.split(' '), '-keyout', key, '-out', certificate])
    const both = this.path('both.pem')
    writeFileSync(both, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 })
    return { key, certificate, both }
  }

  /** A port for each terminator: those of the command line, or of the system's choice. */
  async ports() {
    const given = process.argv.slice(2).filter((word) => /^\d+$/.test(word))
    return Promise.all([0, 1].map((at) => (given[at] === undefined ? freePort() : Number(given[at]))))
  }

  /** Two nodes that know each other, as `reprise node` would be on two hosts. */
  async nodes(...options) {
    const up = this.start('reprise', ['up', '-n', '2', '--json', ...options])
    const [line] = await Promise.race([once(createInterface(up.stdout), 'line'), this.broken])
    return JSON.parse(line).nodes
  }

  /** Run a `reprise` command to its end. */
  reprise(...args) {
    return this.#run('reprise', args)
  }

  /** Start what runs until the end. @returns its process; its `said` is what it has written so far. */
  start(program, args) {
    if (this.#isEnding) throw new Error(`${program} is not started any more`)
    // In a process group of its own: what a terminal does at Ctrl-C is done here, in order.
    const child = spawn(program, args, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    child.said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        child.said += text
      })
    }
    child.gone = new Promise((resolve) => {
      child.once('error', (error) => resolve(this.#onEnd(program, missing(error), '')))
      child.once('exit', (code, signal) => resolve(this.#onEnd(program, `ended with ${signal ?? code}`, child.said)))
    })
    this.#children.push(child)
    return child
  }

  /** Wait until somebody takes connections at a port. */
  async listening(port) {
    await this.until(`somebody listens on port ${port}`, () => isOpen(port))
  }

  /** Wait for a condition. */
  async until(what, isSo) {
    const deadlineMs = performance.now() + WAIT_MS_MAX
    while (!(await Promise.race([isSo(), this.broken]))) {
      if (performance.now() > deadlineMs) throw new Error(`in vain: ${what}`)
      await pause(50)
    }
  }

  /** Make a session at the first, resume it at the second, and the other way round, in both versions of TLS. */
  async show(ports) {
    for (const version of VERSIONS) {
      for (const [from, to] of [ports, ports.toReversed()]) {
        const { isReused, session } = await visit({ port: from, version })
        if (isReused) throw new Error(`${version}: a first handshake was a resumption`)
        await this.showResumed({ port: to, version, session }, `made at ${from}`)
      }
    }
  }

  /** @throws when the session does not resume. */
  async showResumed({ port, version, session }, made) {
    const tries = await resume({ port, version, session })
    if (tries === undefined) throw new Error(`${version}: ${made}, and not resumed at ${port}`)
    console.log(`${version}: ${made}, resumed at ${port}${tries > 1 ? `, after ${tries} tries` : ''}`)
  }

  /** What a person can try. */
  showByHand([first, second]) {
    console.log(`
By hand:
  ask() { printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -ign_eof "$@" 2>/dev/null | grep -E '^(New|Reused)'; }
  ask -connect 127.0.0.1:${first} -sess_out session.pem
  ask -connect 127.0.0.1:${second} -sess_in session.pem

All files are in ${this.folder}, until the end.`)
  }

  /** End everything, the last first. */
  async end() {
    this.#isEnding = true
    for (const child of this.#children.toReversed()) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
      await child.gone
      clearTimeout(timer)
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  #onEnd(program, how, said) {
    if (!this.#isEnding) this.#break(new Error(`${program}: ${how}\n${said}`.trimEnd()))
  }

  async #run(program, args) {
    try {
      return await promisify(execFile)(program, args, { env: this.#env })
    } catch (error) {
      throw new Error(`${program}: ${error.code === 'ENOENT' ? missing(error) : error.stderr}`, { cause: error })
    }
  }
}

function missing(error) {
  return error.code === 'ENOENT' ? 'is not installed; scripts/system-packages installs it on Debian' : error.message
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
