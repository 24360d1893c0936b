/**
 * The short set of scenarios on real processes: on hosts of their own where that can be had, else behind proxies. Whether a promise is kept is
 * asserted; how fast it was is printed at the end, since that depends on what else the machine does.
 */
import assert from 'node:assert/strict'
import {
  type BackendName,
  findScenario,
  measure,
  NetnsLinks,
  type RunRecord,
  runScenario,
  tallyHandshakes,
} from '@reprise/chaos'
import { type UnpackedFrozen, unpackFrozen } from '../wire/frozen.ts'

/** On a machine that does something else as well everything takes longer. It is not given up for that. */
const PATIENCE_MS = 90_000
/** The same for TLS clients: when a session must have arrived elsewhere, and how long a member may take to answer. */
const TLS_PATIENCE = { settledMs: 1_000, lookupDeadlineMs: 3_000, patienceMs: 20_000 }

describe('chaos on real processes', function () {
  this.timeout(300_000)
  this.slow(120_000)

  let backend: BackendName = 'netns'
  let frozen: UnpackedFrozen
  const measured: string[] = []

  before(async () => {
    frozen = unpackFrozen(1)
    const obstacle = await NetnsLinks.obstacle()
    if (obstacle === undefined) return
    backend = 'proc'
    say(`chaos: on processes behind proxies, since ${obstacle}`)
  })

  after(() => {
    frozen.remove()
    for (const line of measured) say(line)
  })

  const run = async (name: string): Promise<RunRecord> => {
    const found = findScenario(name)
    assert(found !== undefined, name)
    const phases = { ...found.phases, quietWithinMs: PATIENCE_MS, linksWithinMs: PATIENCE_MS }
    const { workload } = found
    const patient = workload.kind === 'tls' ? { ...workload, ...TLS_PATIENCE } : workload
    const scenario = { ...found, phases, workload: patient }
    const record = await runScenario(scenario, { backend, previousNode: frozen.moduleOf('node') })
    measured.push(describeMeasures(record))
    const broken = record.violations.map(({ invariant, atMs, text }) => `${Math.round(atMs)} ms ${invariant}: ${text}`)
    assert.deepEqual(broken, [], `run it again: ${record.replay}`)
    return record
  }

  it('[R3] [R5] the primary is killed: nothing is lost, and no client sees an error', async () => {
    await run('kill')
  })

  it('[R3] [R5] the primary stands still for longer than it takes to be given up, and comes back by itself', async () => {
    await run('freeze')
  })

  it('[R3] [R6] a member is killed, and its TLS clients have short handshakes at the others', async () => {
    const record = await run('tls-kill')
    const { offered, fromPeers } = tallyHandshakes(record) ?? assert.fail('no TLS client came')
    assert(fromPeers > 0 && offered.resumed > offered.full)
  })

  it('[R12] two members are killed at once: what two copies confirmed is there', async () => {
    await run('kill-two')
  })

  it('[R3] [R5] every member is restarted, one every two seconds: no session lost, no error seen', async () => {
    const { faults } = await run('rolling-restart')
    assert.equal(faults.length, 5)
  })

  it('[R3] [R5] every member is restarted twice in a row', async () => {
    const { faults } = await run('restart-twice')
    assert.equal(faults.length, 10)
  })

  it('[R5] [R13] members come and go, several at a time', async () => {
    await run('join-leave-storm')
  })

  it('[R3] [R5] [R11] a partition of 70 s: links are back, and all holders equal', async () => {
    await run('partition-70s')
  })

  it('[R3] [R11] one member is not heard by anybody, and hears all', async () => {
    await run('one-way')
  })

  it('[R11] [R12] every fifth packet is lost', async () => {
    await run('loss-20')
  })

  it('[R14] everybody is killed, and one repository brings every session back', async () => {
    await run('repository-cold-start')
  })

  it("[R14] a repository's disk is full, and nothing is lost by it", async function () {
    if (process.getuid?.() !== 0) {
      say('skipped: a disk that can be filled needs root on Linux')
      this.skip()
    }
    await run('disk-full')
  })

  it('[R3] [R5] members of two wire versions, which restart and die', async () => {
    await run('mixed-wires')
  })
})

function describeMeasures(record: RunRecord): string {
  const { attempts, sessions, linksBackMs, quietAfterMs, takeover } = measure(record)
  const { before, during, addedMs } = takeover
  const took = (ms: number | undefined): string => (ms === undefined ? '-' : `${Math.round(ms)} ms`)
  return [
    `chaos: ${record.scenario.name} on ${record.backend}, seed ${record.seed}: ${sessions} sessions,`,
    `${attempts.ok} attempts ok, ${attempts.failed} failed, ${attempts.unknown} unknown;`,
    `links back after ${took(linksBackMs)}, equal after ${took(quietAfterMs)};`,
    `takeover p99 ${took(before?.p99Ms)} before, ${took(during?.p99Ms)} from who was struck, added ${took(addedMs)}`,
  ].join(' ')
}

function say(line: string): void {
  // biome-ignore lint/suspicious/noConsole: what was measured is for who runs the tests.
  console.log(line)
}
