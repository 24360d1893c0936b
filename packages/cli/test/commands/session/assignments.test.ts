import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { readAssignments } from '../../../src/commands/session/assignments.ts'
import { CommandError } from '../../../src/failure.ts'

describe('assignments on the command line', () => {
  function read(assignments: readonly string[], { isJson = false, remove = [] as string[], input = '' } = {}) {
    return readAssignments(assignments, { isJson, remove, input: Readable.from([Buffer.from(input)]) })
  }

  it('are text, or JSON, or read from stdin, or removed', async () => {
    assert.deepEqual(await read(['theme=dark', 'note=a=b', 'empty=']), { theme: 'dark', note: 'a=b', empty: '' })
    assert.deepEqual(await read(['basket={"items":["tea"]}', 'count=2'], { isJson: true }), {
      basket: { items: ['tea'] },
      count: 2,
    })
    assert.deepEqual(await read(['secret=-'], { input: 'hush\n' }), { secret: 'hush' })
    assert.deepEqual(await read(['theme=dark'], { remove: ['basket'] }), { basket: null, theme: 'dark' })
  })

  it('are refused when they make no sense, without a word of the value', async () => {
    for (const [assignments, isJson, message] of [
      [['theme'], false, /theme is not name=value/],
      [['=dark'], false, /is not name=value/],
      [['theme=a', 'theme=b'], false, /given twice/],
      [['a=-', 'b=-'], false, /stdin can be read for one/],
      [['basket={tea'], true, /^the value of basket is no JSON$/],
      [[], false, /nothing to set/],
    ] as const) {
      await assert.rejects(
        read(assignments, { isJson }),
        (error) => error instanceof CommandError && message.test(error.message),
      )
    }
  })
})
