/** A process with a watchdog and a port, which does what its mode says. */
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { startWatchdog } from '@reprise/admin'

const [mode = '', stallMs = '', onStall = 'kill'] = process.argv.slice(2)

const watchdog = startWatchdog({ stallMs: Number(stallMs), onStall: onStall === 'report' ? 'report' : 'kill' })

function block(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}

if (mode === 'idle') {
  process.disconnect()
} else {
  const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
  })
  process.on('message', async (message: string) => {
    const [what, ms = '0'] = message.split(' ')
    if (what === 'block') block(Number(ms))
    if (what === 'stop') await watchdog.stop()
    if (what === 'run') await pause(Number(ms))
    if (what === 'end') {
      server.close()
      process.disconnect()
      return
    }
    process.stdout.write(`${what} done\n`)
  })
}
