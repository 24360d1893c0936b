/**
 * xxHash64 (Collet, "xxHash fast digest algorithm", seed 0) without BigInt: the key is written into WebAssembly memory as
 * Latin-1, and the hash is read from there as two 32-bit numbers.
 *
 * `xxhash-wasm` computes as fast, but takes text as UTF-8 and gives a BigInt, and that wrapping costs twice the hash: too much
 * for every read of a session. The module is assembled here, from the formulas of the specification; whoever loads it compares
 * it with `xxhash-wasm` first.
 */
import { Buffer } from 'node:buffer'
import type { Hash64 } from '../session/meta-hash.ts'

/** The part of WebAssembly that is used here; the core is compiled without the types of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

/** Longest key in bytes: one page of memory, less the room for the result. */
export const KEY_BYTES_MAX: number = 64 * 1024 - 64

/** Of a key of at most `KEY_BYTES_MAX` characters, all of one byte. */
export interface XxHash64 {
  whole(key: string): Hash64
  /** The lower 32 bits, for who wants no more: nothing is allocated. */
  low(key: string): number
}

export function createXxHash64(): XxHash64 {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble()))
  const { memory, hash } = exports as { memory: { readonly buffer: ArrayBuffer }; hash: (length: number) => void }
  const bytes = Buffer.from(memory.buffer)
  const room = bytes.subarray(KEY_AT)
  const encoder = new TextEncoder()
  const result = new Int32Array(memory.buffer, RESULT_AT, 2)
  const low = (key: string): number => {
    // Text with as many bytes in UTF-8 as characters is ASCII: nearly all keys, and this is the fastest way to write them.
    const { read, written } = encoder.encodeInto(key, room)
    hash(read === written && read === key.length ? written : bytes.write(key, KEY_AT, 'latin1'))
    return result[0] as number
  }
  return { low, whole: (key) => ({ lo: low(key), hi: result[1] as number }) }
}

type Code = readonly number[]

/** A module of one function over one page: `hash(length)` reads the key at `KEY_AT` and stores 8 bytes at `RESULT_AT`. */
function assemble(): Uint8Array<ArrayBuffer> {
  const sections: Code = [
    ...section(1, [1, 0x60, 1, I32, 0]), // one type: (i32) -> ()
    ...section(3, [1, 0]), // one function, of that type
    ...section(5, [1, 0, 1]), // one memory, of one page
    ...section(7, [2, ...name('memory'), 2, 0, ...name('hash'), 0, 0]),
    ...section(10, [1, ...sized([2, 2, I32, 5, I64, ...body(), END])]),
  ]
  return Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections])
}

function body(): Code {
  const lanes = [A, B, C, D]
  return [
    ...set(AT, i32(KEY_AT)),
    ...set(STOP, add32(get(AT), get(LENGTH))),
    ...hasLeft(32),
    ...[IF, VOID],
    ...set(A, i64(P1 + P2)),
    ...set(B, i64(P2)),
    ...set(C, i64(0n)),
    ...set(D, i64(-P1)),
    ...[LOOP, VOID],
    ...lanes.flatMap((lane, i) => set(lane, round(get(lane), load64(8 * i)))),
    ...skip(32),
    ...hasLeft(32),
    ...[BR_IF, 0, END],
    ...set(H, add(add(rotl(get(A), 1), rotl(get(B), 7)), add(rotl(get(C), 12), rotl(get(D), 18)))),
    ...lanes.flatMap((lane) => set(H, add(mul(xor(get(H), round(i64(0n), get(lane))), i64(P1)), i64(P4)))),
    ...[ELSE],
    ...set(H, i64(P5)),
    ...[END],
    ...set(H, add(get(H), [...get(LENGTH), 0xad])), // i64.extend_i32_u
    ...whileLeft(8, set(H, add(mul(rotl(xor(get(H), round(i64(0n), load64(0))), 27), i64(P1)), i64(P4)))),
    ...whileLeft(4, set(H, add(mul(rotl(xor(get(H), mul(load32(), i64(P1))), 23), i64(P2)), i64(P3)))),
    ...whileLeft(1, set(H, mul(rotl(xor(get(H), mul(load8(), i64(P5))), 11), i64(P1)))),
    ...set(H, mul(xor(get(H), shift(get(H), 33)), i64(P2))),
    ...set(H, mul(xor(get(H), shift(get(H), 29)), i64(P3))),
    ...[...i32(RESULT_AT), ...xor(get(H), shift(get(H), 32)), 0x37, 3, 0], // i64.store
  ]
}

/** `rotl(accumulator + input * P2, 31) * P1` */
function round(accumulator: Code, input: Code): Code {
  return mul(rotl(add(accumulator, mul(input, i64(P2))), 31), i64(P1))
}

function whileLeft(bytes: number, step: Code): Code {
  return [LOOP, VOID, ...hasLeft(bytes), IF, VOID, ...step, ...skip(bytes), BR, 1, END, END]
}

/** Whether so many bytes of the key are still to be read. */
function hasLeft(bytes: number): Code {
  return [...add32(get(AT), i32(bytes)), ...get(STOP), 0x4d] // i32.le_u
}

const skip = (bytes: number): Code => set(AT, add32(get(AT), i32(bytes)))
const get = (local: number): Code => [0x20, local]
const set = (local: number, value: Code): Code => [...value, 0x21, local]
const i32 = (value: number): Code => [0x41, ...signed(BigInt(value))]
const i64 = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))]
const add32 = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
const add = (a: Code, b: Code): Code => [...a, ...b, 0x7c]
const mul = (a: Code, b: Code): Code => [...a, ...b, 0x7e]
const xor = (a: Code, b: Code): Code => [...a, ...b, 0x85]
const shift = (a: Code, bits: number): Code => [...a, ...i64(BigInt(bits)), 0x88] // i64.shr_u
const rotl = (a: Code, bits: number): Code => [...a, ...i64(BigInt(bits)), 0x89]
const load64 = (offset: number): Code => [...get(AT), 0x29, 0, offset]
const load32 = (): Code => [...get(AT), 0x35, 0, 0] // i64.load32_u
const load8 = (): Code => [...get(AT), 0x31, 0, 0] // i64.load8_u

const section = (id: number, content: Code): Code => [id, ...sized(content)]
const sized = (content: Code): Code => [...unsigned(content.length), ...content]
const name = (text: string): Code => sized([...Buffer.from(text)])

/** LEB128, as WebAssembly writes its numbers. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn)
  const rest = value >> 7n
  const isLast = rest === ((low & 0x40) === 0 ? 0n : -1n)
  return isLast ? [low] : [low | 0x80, ...signed(rest)]
}

const P1 = 0x9e37_79b1_85eb_ca87n
const P2 = 0xc2b2_ae3d_27d4_eb4fn
const P3 = 0x1656_67b1_9e37_79f9n
const P4 = 0x85eb_ca77_c2b2_ae63n
const P5 = 0x27d4_eb2f_1656_67c5n

const RESULT_AT = 0
const KEY_AT = 64

const I32 = 0x7f
const I64 = 0x7e
const VOID = 0x40
const LOOP = 0x03
const IF = 0x04
const ELSE = 0x05
const END = 0x0b
const BR = 0x0c
const BR_IF = 0x0d

// Locals: the parameter, two addresses, the hash and the four lanes.
const LENGTH = 0
const AT = 1
const STOP = 2
const H = 3
const A = 4
const B = 5
const C = 6
const D = 7
