/** A client of the text protocol that sends what it is told to, and says what came back, in words that can be compared. */
import { connect } from 'node:net'

/**
 * Send a script, one piece after the other, each when everything before it is answered.
 * @returns what came back for each piece; numbers of values are replaced, since no two servers give the same, and seconds rounded.
 */
export async function play(port: number, script: readonly string[]): Promise<string[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let received = ''
  let isClosed = false
  let wake = (): void => {}
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    received += text
    wake()
  })
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  socket.on('error', () => {})
  const answers: string[] = []
  const names = new Map<string, string>()
  let unique = '0'
  for (const piece of script) {
    if (isClosed) {
      answers.push('(closed)')
      continue
    }
    const sent = piece.replace('<unique>', unique).replace('<older>', () => `${BigInt(unique) - 1n}`)
    received = ''
    // Its answer, which no script has, says that everything before it is answered. What follows no line is not a line of its own.
    const end = `NF kend O${answers.length}\r\n`
    socket.write(sent.endsWith('\n') ? `${sent}md end k O${answers.length}\r\n` : sent, 'latin1')
    while (!isClosed && !received.endsWith(end)) await new Promise<void>((resolve) => (wake = resolve))
    const answer = received.endsWith(end) ? received.slice(0, -end.length) : received
    unique = /(?:^VALUE \S+ \d+ \d+ | c)(\d+)/m.exec(answer)?.[1] ?? unique
    answers.push(normalise(answer, names) + (isClosed ? '(closed)' : ''))
  }
  socket.destroy()
  return answers
}

/** Seconds in tens, `t` that are left rounded up and `l` that are over down: one server's clock may tick between two pieces. */
const inTens = (flag: string, seconds: string): string =>
  `${flag}${(flag === 't' ? Math.ceil : Math.floor)(Number(seconds) / 10) * 10}`

/** The same number gets the same name wherever it stands. */
function normalise(answer: string, names: Map<string, string>): string {
  const nameOf = (number: string): string => {
    if (number === '0') return number
    const known = names.get(number) ?? `#${names.size + 1}`
    names.set(number, known)
    return known
  }
  return answer
    .replace(/^(VALUE \S+ \d+ \d+) (\d+)/gm, (_, start: string, number: string) => `${start} ${nameOf(number)}`)
    .replace(/^((?:HD|VA|EX|NS|NF) .*?\bc)(\d+)/gm, (_, start: string, number: string) => start + nameOf(number))
    .replace(/^(?:HD|VA|EX|NS|NF) .*/gm, (line) =>
      line.replace(/\b([tl])(\d+)/g, (_, flag: string, seconds: string) => inTens(flag, seconds)),
    )
}
