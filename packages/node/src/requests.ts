/** Requests to the core, whose failures become exceptions here. */
import type { Result } from '@reprise/core'
import type { Driver } from './driver.ts'

/** A result that is no failure. */
export type SuccessfulResult = Exclude<Result, { kind: 'failed' }>

type Request = Parameters<Driver['request']>[0]

export class Requests {
  readonly #driver: Driver

  constructor(driver: Driver) {
    this.#driver = driver
  }

  /** @returns the result at once if there is one, which for most writes is so. @throws what the request failed with. */
  make(request: Request, signal: AbortSignal | undefined): SuccessfulResult | Promise<SuccessfulResult> {
    const ended = this.#driver.request(request, signal)
    return ended instanceof Promise ? ended.then(assertSuccess) : assertSuccess(ended)
  }
}

function assertSuccess(result: Result): SuccessfulResult {
  if (result.kind === 'failed') throw result.error
  return result
}

/** What cannot be: each kind of request has its kind of result. */
export function unexpected(result: Result): Error {
  return new Error(`a request ended with the result of another kind: ${result.kind}`)
}
