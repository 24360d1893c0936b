/** Bounds of `reprise chaos`, with unit and reason. */

/** Seeds that a person can read out, and that every program can hold. */
export const SEED_MAX: number = 2 ** 32 - 1

/** What broke, for programs. */
export const VIOLATIONS_JSON_MAX = 100

/** A file with a scenario, in bytes: some thousand faults. */
export const SCENARIO_BYTES_MAX: number = 1024 * 1024
