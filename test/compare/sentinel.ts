/** What is asked of Sentinel, over a connection for each question: one that stands still is then a question without an answer. */
import { createClient } from 'redis'
import { LOOK_DEADLINE_MS, PRIMARY_NAME, SENTINEL_PORT } from './constants.ts'

/** Where the primary is, as most of those say that answer in time; undefined when none does. */
export async function findPrimary(sentinels: readonly string[]): Promise<string | undefined> {
  const answers = await Promise.all(sentinels.map((host) => addressAt(host).catch(() => undefined)))
  const votes = new Map<string, number>()
  for (const answer of answers) if (answer !== undefined) votes.set(answer, (votes.get(answer) ?? 0) + 1)
  return [...votes].sort(([, a], [, b]) => b - a)[0]?.[0]
}

/** What a Sentinel knows of the primary, by name. */
export async function primaryAt(host: string): Promise<ReadonlyMap<string, string>> {
  const told = await ask<readonly string[] | Readonly<Record<string, string>>>(host, [
    'SENTINEL',
    'MASTER',
    PRIMARY_NAME,
  ])
  // Names and values in turn, or an object, as the protocol's version has it.
  return new Map(isFlat(told) ? pairsOf(told) : Object.entries(told))
}

async function addressAt(host: string): Promise<string | undefined> {
  const told = await ask<readonly string[] | null>(host, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', PRIMARY_NAME])
  return told?.[0]
}

async function ask<Answer>(host: string, command: string[]): Promise<Answer> {
  const socket = { host, port: SENTINEL_PORT, reconnectStrategy: false, connectTimeout: LOOK_DEADLINE_MS } as const
  const client = createClient({ socket })
  client.on('error', () => {})
  // What is under way then is rejected.
  const timer = setTimeout(() => client.destroy(), LOOK_DEADLINE_MS)
  try {
    await client.connect()
    return await client.sendCommand<Answer>(command)
  } finally {
    clearTimeout(timer)
    if (client.isOpen) client.destroy()
  }
}

function isFlat(told: readonly string[] | Readonly<Record<string, string>>): told is readonly string[] {
  return Array.isArray(told)
}

function pairsOf(flat: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: flat.length / 2 }, (_, pair) => [flat[2 * pair]!, flat[2 * pair + 1]!])
}
