import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ARGUMENTS_MAX, LINE_BYTES_MAX, STRANGER_ARGUMENT_BYTES_MAX } from '../../src/resp/constants.ts'
import { RespProtocolError } from '../../src/resp/errors.ts'
import { RequestReader, type RequestReaderInit } from '../../src/resp/reader.ts'

/** What a reader makes of the chunks: each request as words of Latin-1, and the error that ended it. */
function read(chunks: readonly Buffer[], init?: RequestReaderInit, isTrusted = true): (readonly string[] | string)[] {
  const reader = new RequestReader(init)
  reader.isTrusted = isTrusted
  const seen: (readonly string[] | string)[] = []
  try {
    for (const chunk of chunks) {
      reader.push(chunk)
      for (let request = reader.next(); request !== undefined; request = reader.next()) {
        seen.push(request.map((word) => word.toString('latin1')))
      }
    }
  } catch (error) {
    assert.ok(error instanceof RespProtocolError)
    seen.push(error.message)
  }
  return seen
}

const of = (text: string): Buffer => Buffer.from(text, 'latin1')
const readText = (text: string): (readonly string[] | string)[] => read([of(text)])

function multibulk(words: readonly Uint8Array[]): Buffer {
  const parts = words.map((word) => Buffer.concat([of(`$${word.length}\r\n`), word, of('\r\n')]))
  return Buffer.concat([of(`*${words.length}\r\n`), ...parts])
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length))
}

describe('RequestReader', () => {
  it('reads what libraries send, one after the other', () => {
    const pipeline = '*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n'
    assert.deepEqual(readText(pipeline), [['GET', 'a'], ['PING']])
  })

  it('reads arguments of any bytes, and empty ones', () => {
    const words = [of('SET'), of('k\0\r\n'), of('')]
    assert.deepEqual(read([multibulk(words)]), [words.map((word) => word.toString('latin1'))])
  })

  it('reads what people type', () => {
    assert.deepEqual(readText('PING\r\n'), [['PING']])
    assert.deepEqual(readText("  set  a \"x y\\x00\\n\" 'it\\'s'\n"), [['set', 'a', 'x y\0\n', "it's"]])
    assert.deepEqual(readText('a "\\q\\t\\b\\a\\r\\\\"\n'), [['a', 'q\t\b\x07\r\\']])
    assert.deepEqual(readText("a pre'fix'\n"), [['a', 'prefix']])
    assert.deepEqual(readText('a\0b c\n'), [['a']])
  })

  it('passes over empty lines and requests of nothing', () => {
    assert.deepEqual(readText('\r\n\n   \r\n*0\r\n*-1\r\n*-12\r\nPING\r\n'), [['PING']])
  })

  for (const [what, bytes, error] of [
    ['no number of arguments', '*x\r\n', 'invalid multibulk length'],
    ['a number with a zero in front', '*01\r\n', 'invalid multibulk length'],
    ['a number with a sign', '*+1\r\n', 'invalid multibulk length'],
    ['an empty number', '*\r\n', 'invalid multibulk length'],
    ['minus nothing', '*-0\r\n', 'invalid multibulk length'],
    ['too many arguments', `*${ARGUMENTS_MAX + 1}\r\n`, 'invalid multibulk length'],
    ['a number beyond all', `*${'9'.repeat(30)}\r\n`, 'invalid multibulk length'],
    ['no length', '*1\r\nPING\r\n', "expected '$', got 'P'"],
    ['a negative length', '*1\r\n$-1\r\n', 'invalid bulk length'],
    ['a length that is none', '*1\r\n$4a\r\n', 'invalid bulk length'],
    ['a length beyond the bound', '*1\r\n$1048577\r\n', 'invalid bulk length'],
    ['a count without end', `*${'1'.repeat(LINE_BYTES_MAX)}`, 'too big mbulk count string'],
    ['a length without end', `*1\r\n$${'1'.repeat(LINE_BYTES_MAX)}`, 'too big bulk count string'],
    ['a line without end', 'a'.repeat(LINE_BYTES_MAX + 1), 'too big inline request'],
    ['a quote without its end', 'set a "b\r\n', 'unbalanced quotes in request'],
    ['a quote within a word', 'set a "b"c\r\n', 'unbalanced quotes in request'],
    ['an apostrophe without its end', "set a 'b\r\n", 'unbalanced quotes in request'],
  ] as const) {
    it(`refuses ${what} as Redis does`, () => {
      assert.deepEqual(readText(bytes), [`Protocol error: ${error}`])
    })
  }

  it('answers what came before an error', () => {
    assert.deepEqual(readText('PING\r\n*1\r\n!\r\n'), [['PING'], "Protocol error: expected '$', got '!'"])
  })

  it('lets strangers send short requests only', () => {
    const long = multibulk([of('AUTH'), Buffer.alloc(STRANGER_ARGUMENT_BYTES_MAX + 1)])
    assert.deepEqual(read([long], {}, false), ['Protocol error: unauthenticated bulk length'])
    assert.deepEqual(read([of('*11\r\n')], {}, false), ['Protocol error: unauthenticated multibulk length'])
    assert.deepEqual(read([multibulk([of('AUTH'), of('x')])], {}, false), [['AUTH', 'x']])
  })

  it('bounds a request as a whole', () => {
    const two = multibulk([Buffer.alloc(60, 'a'), Buffer.alloc(60, 'b')])
    const init = { argumentBytesMax: 64, requestBytesMax: 100 }
    assert.deepEqual(read([two], init), ['Protocol error: too big request'])
    assert.equal(read([Buffer.concat([multibulk([Buffer.alloc(60)]), multibulk([Buffer.alloc(60)])])], init).length, 2)
  })

  it('holds no more than what came', () => {
    const reader = new RequestReader()
    reader.push(of('*2\r\n$3\r\nGET\r\n$1000000\r\nabc'))
    assert.equal(reader.next(), undefined)
    assert.equal(reader.pendingBytes, 'GET'.length + 'abc'.length)
  })

  it('reads a value that comes byte by byte', () => {
    const value = Buffer.alloc(3_000, 'v')
    const bytes = multibulk([of('SET'), of('k'), value])
    assert.deepEqual(read([...bytes].map((byte) => Buffer.from([byte]))), [['SET', 'k', value.toString()]])
  })

  it('reads the same however the bytes are cut', () => {
    const word = fc.uint8Array({ maxLength: 40 })
    const request = fc.array(word, { minLength: 1, maxLength: 5 }).map(multibulk)
    const line = fc
      .array(fc.constantFrom('a', ' ', '"', "'", '\\', 'x4', '\0', '\r', '*', '$3'), { maxLength: 12 })
      .map((parts) => of(`${parts.join('')}\n`))
    const garbage = fc.array(fc.constantFrom('*', '$', '1', '0', '-', '\r', '\n', '\r\n', 'a'), { maxLength: 12 })
    const anything = fc.oneof(
      { weight: 5, arbitrary: request },
      { weight: 2, arbitrary: line },
      { weight: 1, arbitrary: garbage.map((parts) => of(parts.join(''))) },
    )
    const bytes = fc.array(anything, { maxLength: 6 }).map((parts) => Buffer.concat(parts))
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(), { maxLength: 20 }), (sent, places) => {
        assert.deepEqual(read(cut(sent, places)), read([sent]))
      }),
      { numRuns: 500 },
    )
  })

  it('reads what was written, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.uint8Array(), { minLength: 1 }), { maxLength: 5 }), (requests) => {
        const seen = read([Buffer.concat(requests.map(multibulk))])
        assert.deepEqual(
          seen,
          requests.map((words) => words.map((word) => Buffer.from(word).toString('latin1'))),
        )
      }),
    )
  })
})
