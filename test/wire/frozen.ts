/**
 * Members as they were: the packages of an earlier wire version, kept as a fixture and unpacked where they find what they
 * stand on. Made by `npm run freeze-wire`.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as core from '@reprise/core'
import type * as node from '@reprise/node'

/** What the tests use of a frozen member. Its types then are those of now, as far as the tests go. */
export interface Frozen {
  readonly createNode: typeof node.createNode
  readonly Replica: typeof core.Replica
}

/** Wire versions that have a fixture: all that came before the present one and are still spoken. */
export const FROZEN_VERSIONS = [1] as const

/** A fixture on the disk, until it is removed. */
export interface UnpackedFrozen {
  /** The address of a package's module. */
  moduleOf(name: 'node' | 'core'): URL
  remove(): void
}

/** Unpack a fixture, for who loads it in a process of its own. */
export function unpackFrozen(version: (typeof FROZEN_VERSIONS)[number]): UnpackedFrozen {
  // Inside node_modules, so that what the packages depend on is found further up.
  const folder = join(import.meta.dirname, '../../node_modules/.cache/reprise', `wire-${version}-${process.pid}`)
  const modules = join(folder, 'node_modules')
  mkdirSync(modules, { recursive: true })
  execFileSync('tar', ['-xzf', join(import.meta.dirname, 'fixtures', `wire-${version}.tgz`), '-C', modules])
  return {
    moduleOf: (name) => pathToFileURL(join(modules, '@reprise', name, 'dist/index.js')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export async function loadFrozen(version: (typeof FROZEN_VERSIONS)[number]): Promise<Frozen> {
  const unpacked = unpackFrozen(version)
  try {
    const load = (name: 'node' | 'core'): Promise<unknown> => import(unpacked.moduleOf(name).href)
    const [{ createNode }, { Replica }] = (await Promise.all([load('node'), load('core')])) as [
      typeof node,
      typeof core,
    ]
    return { createNode, Replica }
  } finally {
    // Loaded is loaded.
    unpacked.remove()
  }
}
