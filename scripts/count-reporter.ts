/**
 * mocha's spec reporter, which also adds one line `passed failed skipped` to the file that REPRISE_TEST_TOTALS names,
 * so that .ci/run can count over several runs of mocha. .ci/run hands it to all of them through MOCHA_OPTIONS.
 */

import { appendFileSync } from 'node:fs'
import Mocha from 'mocha'

export default class CountReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const totalsFile = process.env['REPRISE_TEST_TOTALS']
    if (totalsFile === undefined) return
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats
      appendFileSync(totalsFile, `${passes} ${failures} ${pending}\n`)
    })
  }
}
