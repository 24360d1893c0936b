/** `reprise completion SHELL`: a script for the shell, made from the commands as they are. */
import { Argument, Command } from 'commander'
import { SCRIPTS, type Shell } from '../completion/scripts.ts'
import { commandTree } from '../completion/tree.ts'

const SHELLS = Object.keys(SCRIPTS)

export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', INSTALL)
    .action(async (shell: Shell, _options: object, command: Command) => {
      const program = command.parent ?? command
      const { SCENARIOS } = await import('@reprise/chaos')
      const tree = commandTree(program, { 'chaos run': SCENARIOS.map(({ name }) => name) })
      process.stdout.write(SCRIPTS[shell](tree))
    })
}

const INSTALL = `
  bash   reprise completion bash > ~/.local/share/bash-completion/completions/reprise
  zsh    reprise completion zsh > "\${fpath[1]}/_reprise"
  fish   reprise completion fish > ~/.config/fish/completions/reprise.fish`
