/**
 * A round-robin proxy: each request goes to the next server, whoever the client is. A server that cannot be reached, or that
 * dies before it answers, is passed over, and the request goes to the one after it.
 */
import { createServer, request as send } from 'node:http'

/** @param {readonly number[]} ports of the servers, on loopback */
export function createProxy(ports) {
  let turn = 0
  return createServer((request, response) => {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const first = turn++
      const tryServer = (at) => {
        if (at === ports.length) return response.writeHead(502).end('no server is left\n')
        const port = ports[(first + at) % ports.length]
        const { method, url: path, headers } = request
        const forwarded = send({ host: '127.0.0.1', port, method, path, headers, agent: false })
        let isAnswered = false
        forwarded.on('response', (answer) => {
          isAnswered = true
          response.writeHead(answer.statusCode, answer.headers)
          answer.on('error', () => response.destroy())
          answer.pipe(response)
        })
        forwarded.on('error', () => (isAnswered ? response.destroy() : tryServer(at + 1)))
        forwarded.end(body)
      }
      tryServer(0)
    })
  })
}
