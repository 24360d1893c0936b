/** What a person can try while a cluster runs. Every line fits 80 columns and can be pasted into a shell. */
import type { MemberView } from './local-cluster.ts'

/**
 * Lines that name two of the nodes as they are now; none when there are no two.
 * @param restartMs a node that died is started again after so long; undefined: it is not.
 */
export function hintLines(members: readonly MemberView[], restartMs?: number): string[] {
  const [first, second] = members.filter(({ state }) => state === 'up')
  if (first === undefined || second === undefined) return []
  const connect = ({ info }: MemberView): string =>
    `  openssl s_client -tls1_2 -no_ticket -connect 127.0.0.1:${info?.ports.tls} \\`
  const restart = restartMs === undefined ? '' : `# it is started again after ${restartMs / 1_000} s`
  return [
    `Make a TLS session at ${first.name}, kill it, resume at ${second.name}, in another terminal:`,
    connect(first),
    '    -sess_out /tmp/reprise.pem </dev/null 2>&1 | grep ^New',
    `  ${`kill -9 ${first.pid}`.padEnd(16)} ${restart}`.trimEnd(),
    connect(second),
    '    -sess_in /tmp/reprise.pem </dev/null 2>&1 | grep ^Reused',
    `Or open https://127.0.0.1:${second.info?.ports.tls} in a browser; its certificate is self-signed.`,
  ]
}
