/** What a firewall is told, word for word. */
import assert from 'node:assert/strict'
import { packetRules } from '../../src/links/packet-rules.ts'

const script = (...rules: string[]): string => `table inet reprise
delete table inet reprise
table inet reprise {
  chain heard {
    type filter hook input priority raw; policy accept;
${rules.map((rule) => `    ${rule}\n`).join('')}  }
}
`

describe('packet rules', () => {
  it('let everything in when nothing is wrong', () => {
    assert.equal(packetRules([]), script())
    assert.equal(packetRules([{ address: '198.18.0.1', isCut: false, lossRate: 0 }]), script())
  })

  it('drop what cut members send, and a part of what lossy ones do', () => {
    assert.equal(
      packetRules([
        { address: '198.18.0.1', isCut: true, lossRate: 0.2 },
        { address: '198.18.0.2', isCut: false, lossRate: 0.05 },
        { address: '198.18.0.3', isCut: false, lossRate: 1 },
      ]),
      script(
        'ip saddr 198.18.0.1 drop',
        'ip saddr 198.18.0.2 numgen random mod 100000 < 5000 drop',
        'ip saddr 198.18.0.3 drop',
      ),
    )
  })
})
