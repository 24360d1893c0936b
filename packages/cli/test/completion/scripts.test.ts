import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { SCRIPTS, type Shell } from '../../src/completion/scripts.ts'
import { type CompletionNode, commandTree } from '../../src/completion/tree.ts'
import { createProgram } from '../../src/program.ts'
import { Home } from '../support/command.ts'

function hasShell(shell: string): boolean {
  try {
    execFileSync(shell, ['-c', 'true'])
    return true
  } catch {
    return false
  }
}

describe('completion', () => {
  const tree: CompletionNode = commandTree(createProgram(), { 'chaos run': ['one-kill', 'two-kills'] })
  let home: Home

  before(() => {
    home = new Home()
    for (const shell of Object.keys(SCRIPTS) as Shell[]) writeFileSync(home.path(shell), SCRIPTS[shell](tree))
    mkdirSync(home.path('data'))
    writeFileSync(home.path('data.json'), '{}')
  })

  after(() => home[Symbol.dispose]())

  /** What bash would offer for the last of the words. */
  function complete(...words: readonly string[]): string[] {
    const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reprise; printf '%s\\n' "\${COMPREPLY[@]}"`
    const printed = execFileSync('bash', ['-c', script, home.path('bash'), 'reprise', ...words], {
      cwd: home.directory,
    })
    return printed.toString().split('\n').filter(Boolean)
  }

  it('bash: offers commands, their options and the values of these', () => {
    assert.deepEqual(complete('dem'), ['demo'])
    assert.deepEqual(complete('config', 'p'), ['print'])
    assert.deepEqual(complete('up', '--confirm', ''), ['queued', 'copies'])
    assert.deepEqual(complete('config', 'print', '--log-level', 'w'), ['warn'])
    assert.deepEqual(complete('config', 'print', '--data-dir', 'd'), ['data'])
    assert.deepEqual(complete('config', 'print', '--config', 'data.'), ['data.json'])
    assert.deepEqual(complete('up', '-n', ''), [])
    assert.deepEqual(complete('completion', 'f'), ['fish'])
    assert.deepEqual(complete('chaos', 'run', 'two'), ['two-kills'])
    assert.deepEqual(complete('chaos', 'run', '--backend', 'n'), ['netns'])
    assert.deepEqual(complete('chaos', 'run', '--report', 'data.'), ['data.json'])
    assert.deepEqual(complete('--debug', 'up', '--det'), ['--detach'])
    assert.ok(!complete('').includes('member'), 'hidden')
  })

  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    it(`${shell}: its script has every command and option, and is read without complaint where the shell is there`, () => {
      const script = SCRIPTS[shell](tree)
      const visit = ({ commands, options }: CompletionNode): void => {
        for (const option of options) {
          const long = option.flags.at(-1)?.replace(/^-+/, '')
          assert.ok(script.includes(shell === 'fish' ? `-l ${long} ` : `--${long}`), option.flags.join())
        }
        for (const command of commands) {
          assert.ok(script.includes(command.name))
          visit(command)
        }
      }
      visit(tree)
      if (hasShell(shell)) execFileSync(shell, ['-n', home.path(shell)])
    })
  }
})
