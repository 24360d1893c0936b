/**
 * Comparing with files that are committed: golden vectors and transcripts.
 *
 * A test that calls `golden` fails when what it made differs from the file. `REPRISE_GOLDEN=write` writes the files instead,
 * for a change that is meant; a reviewer then reads the difference.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const IS_WRITING = process.env['REPRISE_GOLDEN'] === 'write'

/** @param path below packages/core/test */
export function golden(path: string, actual: string): void {
  const file = join(import.meta.dirname, '..', path)
  if (IS_WRITING) writeFileSync(file, actual)
  assert(existsSync(file), `${path} is not there yet: run with REPRISE_GOLDEN=write, and read what it wrote`)
  assert.equal(actual, readFileSync(file, 'utf8'), `${path} differs; if that is meant, run with REPRISE_GOLDEN=write`)
}
