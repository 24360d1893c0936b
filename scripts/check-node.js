/**
 * The first word of every npm script that runs Reprise from its source: is this the Node the repository pins? An older
 * one would answer with a syntax error somewhere; this says what to do. Plain JavaScript, so that an old Node can read
 * it.
 */

const NEEDED_MAJOR = 24

if (Number.parseInt(process.versions.node, 10) < NEEDED_MAJOR) {
  console.error(`Reprise in a clone runs on Node ${NEEDED_MAJOR}; this is ${process.version} (${process.execPath}).

The repository brings its own: \`npm ci\` installs it as node_modules/.bin/node, which npm puts first in PATH for its
scripts and for npx. It is missing when install scripts were skipped (--ignore-scripts). Then run

  npm rebuild node --ignore-scripts=false
`)
  process.exit(1)
}
