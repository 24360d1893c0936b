/**
 * Schemas of other libraries as shapes, by the interface that they share (Standard Schema, version 1,
 * https://standardschema.dev). It is written down here as far as it is used; the libraries bring the rest.
 */
import { UsageError } from '@reprise/core'
import { type Path, type Shape, ShapeError } from './shape.ts'

/** A schema of zod, valibot, arktype and others. One that answers with a promise is refused. */
export interface StandardSchema<Value> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Value> | Promise<StandardResult<Value>>
  }
}

/** A value, or what is wrong. */
export type StandardResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** The schema as a shape: its first issue is the mismatch. */
export function shapeOfSchema<Value>({ '~standard': schema }: StandardSchema<Value>): Shape<Value> {
  return {
    check(value, path) {
      const result = schema.validate(value)
      if (result instanceof Promise)
        throw new UsageError('a portion cannot wait for a schema that checks asynchronously')
      if (result.issues === undefined) return result.value
      const [issue] = result.issues
      let at: Path = path
      let wrong = value
      for (const segment of issue?.path ?? []) {
        const key = typeof segment === 'object' ? segment.key : segment
        at = { parent: at, key: typeof key === 'symbol' ? String(key) : key }
        wrong = Reflect.get(Object(wrong), key)
      }
      throw new ShapeError(at, issue?.message ?? `what ${schema.vendor} accepts`, wrong)
    },
  }
}
