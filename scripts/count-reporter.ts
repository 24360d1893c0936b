/**
 * The reporter of every run of mocha: mocha's own `spec`, and two things more.
 *
 * It adds one line `passed failed skipped` to the file that REPRISE_TEST_TOTALS names, and one `! what failed: why` for each test
 * that did, so that who starts several runs can say so of all of them. And it ends a run that does not end by itself: a test that
 * failed may leave a server open or a process running, and mocha would wait for it for ever. Such a run fails, and says what it was
 * still holding.
 */

import { appendFileSync } from 'node:fs'
import Mocha from 'mocha'

/** How long a run may live on after its last test. A timer of libp2p holds a process for a second; nothing should hold it longer. */
const LINGER_MS = 15_000

export default class CountReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const totalsFile = process.env['REPRISE_TEST_TOTALS']
    const failed: string[] = []
    runner.on('fail', (test, error) => failed.push(`! ${test.fullTitle()}: ${firstLine(error)}\n`))
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats
      if (totalsFile !== undefined) appendFileSync(totalsFile, `${passes} ${failures} ${pending}\n${failed.join('')}`)
      // Not a reason to live on itself: a run that holds nothing is gone before.
      setTimeout(endByForce, LINGER_MS).unref()
    })
  }
}

/** What is thrown need not be an error. */
function firstLine(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return text.split('\n', 1)[0] ?? ''
}

function endByForce(): void {
  const held = process.getActiveResourcesInfo().join(', ')
  console.error(`The last test ended ${LINGER_MS / 1000} s ago, but the process did not. It still holds: ${held}`)
  // mocha sets the code once more while the process exits; who comes after it has the last word.
  process.once('exit', () => {
    process.exitCode = 1
  })
  process.exit()
}
