/**
 * The arrows of the house: which package may import which, and what only one of them may touch. Run by `npm run
 * boundaries`; test/boundaries.test.ts proves that each rule still bites.
 *
 *   cli -> admin, gateways, tls, stores -> node -> p2p, host, locks -> core
 *   cli -> chaos -> node, testkit -> core
 *
 * A package that is named here before it exists finds its place waiting for it.
 */

/** For each package, every other package it may import. What is not listed here may not be imported. */
const ARROWS = {
  core: [],
  locks: ['core'],
  host: ['core'],
  p2p: ['core'],
  node: ['core', 'locks', 'host', 'p2p'],
  tls: ['core', 'node'],
  admin: ['core', 'node', 'dashboard'],
  dashboard: [],
  stores: ['core', 'node'],
  gateways: ['core', 'node'],
  cli: ['core', 'locks', 'host', 'p2p', 'node', 'tls', 'admin', 'dashboard', 'stores', 'gateways', 'chaos'],
  testkit: ['core', 'locks'],
  chaos: ['core', 'node', 'tls', 'testkit'],
}

/** The packages that decide and never do: see the globals denied to them in biome.jsonc. */
const PURE = ['core', 'locks']

const alternatives = (names) => (names.length > 0 ? `(?:${names.join('|')})` : '(?!)')

const arrowRules = Object.entries(ARROWS).map(([name, targets]) => ({
  name: `arrow-${name}`,
  comment: `packages/${name} may import ${targets.join(', ') || 'no other package'}. Move the code, or the noun, to where the arrow allows it.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: '^packages/', pathNot: `^packages/${alternatives([name, ...targets])}/` },
}))

export default {
  forbidden: [
    ...arrowRules,
    {
      name: 'known-package',
      comment: 'A new package takes its place among the arrows in .dependency-cruiser.mjs first.',
      severity: 'error',
      from: { path: '^packages/', pathNot: `^packages/${alternatives(Object.keys(ARROWS))}/` },
      to: {},
    },
    {
      name: 'no-cycle',
      comment: 'Modules that need each other are one module, or lack a third one under both. Types count too.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-deep-import',
      comment: 'Another package is imported by its name and has only what its index.ts exports.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/[^/]+/', pathNot: ['^packages/$1/', '^packages/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'import-by-name',
      comment:
        'Across packages use the name (@reprise/core), not the way to it (../../core): only the name works when published.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'libp2p-only-in-p2p',
      comment: 'One package knows the network. What the others need of it is an interface of core.',
      severity: 'error',
      from: { path: '^packages/', pathNot: '^packages/p2p/' },
      to: { path: '(?:^|/)node_modules/(?:libp2p|@libp2p/[^/]+|@multiformats/[^/]+)/' },
    },
    {
      name: 'pure-builtins',
      comment:
        'Pure packages decide and never do: of Node they have assert and Buffer. The rest is an input, or an intention in the outbox.',
      severity: 'error',
      from: { path: `^packages/${alternatives(PURE)}/src/` },
      to: { dependencyTypes: ['core'], pathNot: '^(?:node:)?(?:assert|assert/strict|buffer)$' },
    },
    {
      name: 'no-tests-in-src',
      comment: 'What ships does not import what tests it. Chaos is a test that ships.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '^packages/(?:testkit|chaos)/' },
      to: { path: '^(?:packages/testkit/|packages/[^/]+/test/|test/|scripts/)' },
    },
    {
      name: 'declared-dependencies',
      comment:
        "What ships imports only its package's own `dependencies` and peers, never what happens to be installed or serves development.",
      severity: 'error',
      from: { path: '^packages/[^/]+/(?:src|bin)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
    {
      name: 'resolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(?:^|/)dist/' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      // Without `exportsFields` nothing is seen across packages: every import would be unresolvable.
      exportsFields: ['exports'],
      conditionNames: ['@reprise/source', 'import', 'types', 'node', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}
